// Three network namespaces for the demonstration, joined by virtual cables whose ends exist only inside them: the machine's own
// network is not touched. Their names carry the number of this process, so that the next demonstration can tell what a killed one has
// left behind from what a living one uses.
//
//   client  192.0.2.2 ─────── 192.0.2.1  gateway  203.0.113.1 ─────── 203.0.113.7  third party
//                                        198.51.100.10 is routed to it

import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayError } from '../../base/errors.ts';
import { environment, isInstalled, run } from './processes.ts';
import { Address } from './world.ts';

/** A namespace of the demonstration. */
export type Box = 'client' | 'gateway' | 'internet';

const BOXES: readonly Box[] = ['client', 'gateway', 'internet'];
const PREFIX = 'anygate-demo-';
const DIRECTORY = '/run/netns';

const LINKS: readonly { readonly box: Box; readonly device: string; readonly address: string }[] = [
  { box: 'client', device: 'gateway', address: `${Address.client}/30` },
  { box: 'gateway', device: 'client', address: `${Address.gateway}/30` },
  { box: 'gateway', device: 'internet', address: `${Address.gatewayOutside}/24` },
  { box: 'internet', device: 'gateway', address: `${Address.thirdParty}/24` },
];

/** Name by which `ip netns` knows `box`. */
export const nameOf = (box: Box): string => `${PREFIX}${process.pid}-${box}`;

/** `argv` to be run in `box`; the process takes the place of `ip`. */
export const inside = (box: Box, argv: readonly string[]): string[] => ['ip', 'netns', 'exec', nameOf(box), ...argv];

const remove = (name: string): void => {
  // A process in it would keep it alive without a name.
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8', env: environment });
  for (const pid of (stdout ?? '').split(/\s+/).filter((word) => word !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  spawnSync('ip', ['netns', 'del', name], { env: environment });
};

/** Those of `directory` that belong to a demonstration whose process is no more. */
const abandoned = (directory: string): string[] =>
  (existsSync(directory) ? readdirSync(directory) : []).filter((name) => {
    const pid = name.startsWith(PREFIX) ? /^\d+/.exec(name.slice(PREFIX.length))?.[0] : undefined;
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });

/** Removes what demonstrations that were killed have left behind. */
const sweep = (): void => {
  for (const name of abandoned(DIRECTORY)) remove(name);
  for (const name of abandoned(tmpdir())) rmSync(join(tmpdir(), name), { recursive: true, force: true });
};

/** Makes a directory for what the demonstration writes; only its owner may look into it. */
export const createDirectory = (): string => mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));

/** Why namespaces cannot be had here, as the end of a sentence; `undefined` if they can. */
export const obstacleToNamespaces = async (): Promise<string | undefined> => {
  if (process.geteuid?.() !== 0) return 'this user is not root';
  if (!isInstalled('ip')) return 'the command ip is missing (Debian: apt install iproute2)';
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `/dev/net/tun cannot be opened (${code}); load the module by \`modprobe tun\``;
  }
  try {
    await run(['ip', 'netns', 'add', nameOf('client')]);
    await run(inside('client', ['ip', 'link', 'set', 'lo', 'up']));
    return undefined;
  } catch (error) {
    return `namespaces cannot be made: ${(error as GatewayError).message}`;
  } finally {
    removeNamespaces();
  }
};

/** Makes and joins the namespaces. @throws {GatewayError} ERR_HOST_SETUP */
export const createNamespaces = async (): Promise<void> => {
  sweep();
  await run(['ip', '-batch', '-'], BOXES.map((box) => `netns add ${nameOf(box)}\n`).join(''));
  const cable = (a: Box, b: Box): string =>
    `link add ${b} netns ${nameOf(a)} type veth peer name ${a} netns ${nameOf(b)}\n`;
  await run(['ip', '-batch', '-'], cable('client', 'gateway') + cable('gateway', 'internet'));
  for (const box of BOXES) {
    const lines = ['link set lo up'];
    for (const link of LINKS.filter((l) => l.box === box)) {
      lines.push(`addr add ${link.address} dev ${link.device}`, `link set ${link.device} up`);
    }
    if (box === 'internet') lines.push(`route add ${Address.pool}/32 via ${Address.gatewayOutside}`);
    await run(['ip', '-n', nameOf(box), '-batch', '-'], `${lines.join('\n')}\n`);
  }
};

/** Whether `box` has a network device of this name. */
export const hasDevice = async (box: Box, device: string): Promise<boolean> => {
  try {
    await run(['ip', '-n', nameOf(box), 'link', 'show', device]);
    return true;
  } catch {
    return false;
  }
};

/** Removes the namespaces, and with them whatever is in them. Does not wait, so that it can be the last thing a process does. */
export const removeNamespaces = (): void => {
  for (const box of BOXES) if (existsSync(`${DIRECTORY}/${nameOf(box)}`)) remove(nameOf(box));
};
