// One change to the host and its way back. Undoing is idempotent: what is gone already, or was never done, is fine, because a journal
// names steps that a kill may have prevented.

import { CommandFailure, type HostSystem } from './host-system.ts';
import { formatPortSet, parsePortSet, subtract, union } from './port-set.ts';

/** A command and the command that takes it back. */
export interface CommandStep {
  readonly kind: 'command';
  /** Completes "cannot …". */
  readonly describe: string;
  readonly do: readonly string[];
  readonly undo: readonly string[];
  /** Not undone if the undoing of a later step failed: it is what the host falls back on. */
  readonly isGuard?: boolean;
}

/** A kernel setting under /proc/sys. It is put back only if it still has the value it got here. */
export interface SettingStep {
  readonly kind: 'setting';
  readonly describe: string;
  readonly setting: string;
  readonly value: string;
  readonly previous: string;
  /** Does nothing; undoing it repairs what undoing a later step brings about. */
  readonly isRepair?: boolean;
}

/** Ports that are added to a setting that is a set of ports. */
export interface PortsStep {
  readonly kind: 'ports';
  readonly describe: string;
  readonly setting: string;
  /** As {@link formatPortSet}: only those that were not in the set before. */
  readonly added: string;
}

/** One change to the host. */
export type HostStep = CommandStep | SettingStep | PortsStep;

/** Whether `step` may be undone only after every later one was. */
export const needsLaterUndone = (step: HostStep): boolean =>
  (step.kind === 'command' && step.isGuard === true) || (step.kind === 'setting' && step.isRepair === true);

/** Makes the change. @throws {CommandFailure} @throws {GatewayError} ERR_HOST_SETUP */
export const perform = async (system: HostSystem, step: HostStep): Promise<void> => {
  switch (step.kind) {
    case 'command':
      await system.run(step.do);
      return;
    case 'setting':
      if (step.isRepair !== true) system.write(step.setting, step.value);
      return;
    case 'ports': {
      const present = parsePortSet(system.read(step.setting) ?? '');
      system.write(step.setting, formatPortSet(union(present, parsePortSet(step.added))));
    }
  }
};

// What `ip` says when there is nothing to undo. "File exists" answers a rule that is to be there again and still is.
const ALREADY = /File exists|No such (process|file or directory|device)|Cannot find device|FIB table does not exist/;

/** Takes the change back. @throws {CommandFailure} @throws {GatewayError} ERR_HOST_SETUP */
export const revert = async (system: HostSystem, step: HostStep): Promise<void> => {
  switch (step.kind) {
    case 'command':
      try {
        await system.run(step.undo);
      } catch (error) {
        if (!(error instanceof CommandFailure && ALREADY.test(error.stderr))) throw error;
      }
      return;
    case 'setting':
      if (system.read(step.setting) === step.value) system.write(step.setting, step.previous);
      return;
    case 'ports': {
      const text = system.read(step.setting);
      if (text === undefined) return;
      const present = parsePortSet(text);
      const rest = subtract(present, parsePortSet(step.added));
      if (formatPortSet(rest) !== formatPortSet(present)) system.write(step.setting, formatPortSet(rest));
    }
  }
};
