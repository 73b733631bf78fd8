// The configuration as the gateway uses it: addresses are numbers, durations milliseconds, keys derived, everything checked against
// everything else, nothing ever changed again. Reading a file finds all its problems, not just the first.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import type { FilteringBehavior, NatPolicy } from '../nat/policy.ts';
import type { RestartPolicy } from '../satp/association-spec.ts';
import type { AesBits } from '../satp/crypto.ts';
import type { Ip4, Prefix4 } from '../wire/addr.ts';
import { applyOverride, readOverrides, variableAt } from './env-overrides.ts';
import { deepFreeze } from './freeze.ts';
import type { HttpListen, ListenAddress } from './listen-address.ts';
import { formatProblem, type Problem, Report } from './problem.ts';
import { resolveConfig } from './resolve.ts';
import { checkShape } from './schema-check.ts';
import type { Secret } from './secret.ts';
import { parseYaml } from './yaml-source.ts';

/** A client as configured. */
export interface ClientConfig {
  readonly name: string;
  readonly mux: number;
  /** The gateway's role. */
  readonly role: 'left' | 'right';
  readonly kdf: AesBits;
  readonly cipher: AesBits;
  readonly auth: 'sha1' | 'null';
  /** 0 if `auth` is null. */
  readonly authTagLength: number;
  /** `kdf / 8` octets. */
  readonly masterKey: Secret;
  /** 14 octets. */
  readonly masterSalt: Secret;
  readonly device: 'tun' | 'tap';
  readonly restart: RestartPolicy;
  readonly addresses: readonly Prefix4[];
  readonly allowInsecure: boolean;
}

/** How packets of the pool come to this host. */
export type Egress = 'routed' | 'shared' | 'masquerade';

/** The relay: gateway address, device, pool and NAT. */
export interface RelayConfig {
  readonly address: Ip4;
  readonly device: { readonly name: string; readonly mtu: number; readonly driver: 'native' | 'tuntap2' };
  /** The pool as the fewest prefixes, ascending; {@link RelayConfig.addresses} are its single addresses. */
  readonly pool: readonly Prefix4[];
  readonly addresses: readonly Ip4[];
  /** Both ends included. */
  readonly ports: NatPolicy['ports'];
  readonly egress: Egress;
  readonly filtering: {
    readonly udp: FilteringBehavior;
    readonly tcp: FilteringBehavior;
    readonly icmp: FilteringBehavior;
  };
  readonly timeouts: NatPolicy['timeouts'];
  readonly quota: NatPolicy['quota'];
}

/** A configuration that was checked and is frozen. */
export interface Config {
  /** Absolute path of the file it came from. */
  readonly file: string;
  readonly node: {
    readonly name: string;
    readonly stateDir: string;
    /** Both ends included. */
    readonly senderIds: { readonly low: number; readonly high: number };
  };
  readonly satp: { readonly listen: readonly ListenAddress[]; readonly replayWindow: number };
  readonly clients: readonly ClientConfig[];
  readonly relay: RelayConfig;
  readonly policy: { readonly allowReserved: boolean };
  readonly http: { readonly listen: HttpListen; readonly token?: Secret };
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' };
  /** How many shards. */
  readonly workers: number;
}

/** What came of reading a file: a configuration, unless one of the problems is an error. */
export interface Examination {
  readonly config?: Config;
  readonly problems: readonly Problem[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const failed = (message: string): Examination => ({ problems: [{ severity: 'error', path: '', message }] });

const read = (file: string): string | Examination => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return failed('no such file; `anygate init` writes one');
    if (code === 'EACCES' || code === 'EPERM') return failed('this user may not read the file');
    return failed(code === 'EISDIR' ? 'is a directory, not a file' : `cannot be read (${code ?? 'unknown error'})`);
  }
};

/** Checks `text` as the content of `file`, to which relative paths in it are relative. */
export const examineText = (text: string, file: string, environment: Environment = {}): Examination => {
  const source = parseYaml(text);
  if (!('lineOf' in source)) return { problems: source.map((fault) => ({ severity: 'error', path: '', ...fault })) };
  const { overrides, unknown } = readOverrides(environment);
  const report = new Report(
    (path) => (variableAt(overrides, path) === undefined ? source.lineOf(path) : undefined),
    (path) => variableAt(overrides, path),
  );
  const value = overrides.reduce(applyOverride, source.value);
  const raw = checkShape(value, report);
  const config = resolveConfig(raw, resolve(file), report);
  const problems: readonly Problem[] = [
    ...unknown.map(({ variable, message }) => ({ severity: 'error' as const, path: '', variable, message })),
    ...report.problems,
  ];
  if (config === undefined || problems.some((p) => p.severity === 'error')) return { problems };
  return { config: deepFreeze(config), problems };
};

/** Reads `file` with the overrides in `environment` and reports everything that is wrong with it; never throws for its content. */
export const examineFile = (file: string, environment: Environment): Examination => {
  const text = read(file);
  return typeof text === 'string' ? examineText(text, file, environment) : text;
};

/** All errors among `problems` as one message. */
export const summarize = (file: string, problems: readonly Problem[]): string => {
  const errors = problems.filter((p) => p.severity === 'error');
  const count = errors.length === 1 ? 'a problem' : `${errors.length} problems`;
  return `${count} in the configuration\n${errors.map((p) => `  ${formatProblem(file, p)}`).join('\n')}`;
};

/**
 * Reads the configuration in `file`.
 *
 * @throws {GatewayError} ERR_CONFIG with every problem, one a line.
 */
export const loadConfig = (
  file: string,
  environment: Environment = process.env,
): { readonly config: Config; readonly warnings: readonly Problem[] } => {
  const { config, problems } = examineFile(file, environment);
  if (config === undefined) throw new GatewayError('ERR_CONFIG', summarize(file, problems));
  return { config, warnings: problems };
};
