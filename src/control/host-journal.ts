// What has been changed on the host, on disk before it is changed, so that the next start can put it back if this one is killed. The
// journal is valid for one boot and one network namespace: after either has gone, so have the changes.

import { readFileSync, readlinkSync } from 'node:fs';
import { GatewayError } from '../base/errors.ts';
import type { HostStep } from './host-steps.ts';

/** Where the journal is kept: the state directory, which this process has locked. */
export interface JournalStore {
  readonly path: string;
  read(name: string): Uint8Array | undefined;
  write(name: string, content: string): void;
}

/** Name of the journal in the state directory. */
export const JOURNAL = 'host-setup.json';

/** Names this boot and this network namespace. */
export const readWorld = (): string =>
  `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/net')}`;

interface Journal {
  readonly world: string;
  readonly steps: readonly HostStep[];
}

/** Writes the steps that may have been taken; on return they are on the disk. */
export const writeJournal = (store: JournalStore, world: string, steps: readonly HostStep[]): void => {
  const journal: Journal = { world, steps };
  store.write(JOURNAL, `${JSON.stringify(journal, undefined, 2)}\n`);
};

const COMMANDS: ReadonlySet<unknown> = new Set(['ip', 'nft']);

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

/** Whether `value` is a step such as we write: no journal can make us run another command or write another file. */
const isStep = (value: unknown): value is HostStep => {
  const step = value as Record<string, unknown> | null;
  if (typeof step !== 'object' || step === null || typeof step['describe'] !== 'string') return false;
  const { kind, setting } = step as { kind?: unknown; setting?: unknown };
  if (kind === 'command') return isStrings(step['undo']) && COMMANDS.has(step['undo'][0]) && isStrings(step['do']);
  if (typeof setting !== 'string' || !/^net\/ipv[46]\/[\w.@:+/-]+$/.test(setting) || setting.includes('..'))
    return false;
  if (kind === 'setting') return typeof step['value'] === 'string' && typeof step['previous'] === 'string';
  return kind === 'ports' && typeof step['added'] === 'string';
};

/** The steps that an earlier process may have taken in `world` and not undone. @throws {GatewayError} ERR_HOST_SETUP */
export const readJournal = (store: JournalStore, world: string): readonly HostStep[] => {
  const content = store.read(JOURNAL);
  if (content === undefined) return [];
  try {
    const journal = JSON.parse(Buffer.from(content).toString('utf8')) as Partial<Journal> | null;
    if (typeof journal?.world !== 'string' || !Array.isArray(journal.steps) || !journal.steps.every(isStep)) {
      throw new Error('it is not what a gateway writes');
    }
    return journal.world === world ? journal.steps : [];
  } catch (cause) {
    throw new GatewayError(
      'ERR_HOST_SETUP',
      `cannot read ${store.path}/${JOURNAL}, which says what an earlier run changed on this host: ${(cause as Error).message}; put the host in order by hand (ip rule, ip route, nft list tables) and remove the file`,
      { cause },
    );
  }
};
