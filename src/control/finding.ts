// The doctor's vocabulary: what is examined, what a check is, and what it may find.

import type { Config } from './config.ts';
import type { HostSystem } from './host-system.ts';

/** `fail`: the gateway cannot work. `warn`: it works worse than it could, or the operator should know. */
export type FindingStatus = 'ok' | 'warn' | 'fail';

/** What a check found. */
export interface Finding {
  readonly status: FindingStatus;
  readonly detail: string;
  /** A command that mends it, or words if no command does. */
  readonly cure?: string;
}

/** A finding with the name of its check. */
export interface NamedFinding extends Finding {
  readonly name: string;
}

/** What is examined. */
export interface Patient {
  readonly system: HostSystem;
  /** Content of a file; `undefined` if there is none or it may not be read. */
  readonly readFile: (path: string) => string | undefined;
  readonly nodeVersion: string;
  /** Absent: there is no file, or not a usable one. */
  readonly config?: Config;
  /** Path of the configuration file; absent if none was asked for and none is there. */
  readonly configFile?: string;
  /** Why the file cannot be used. */
  readonly configProblem?: string;
}

/** One thing to look at. */
export type Check = (patient: Patient) => Finding | Promise<Finding>;

/** All is well. */
export const ok = (detail: string): Finding => ({ status: 'ok', detail });
/** The operator should know. */
export const warn = (detail: string, cure?: string): Finding => ({ status: 'warn', detail, ...(cure && { cure }) });
/** The gateway cannot work. */
export const fail = (detail: string, cure?: string): Finding => ({ status: 'fail', detail, ...(cure && { cure }) });
