// What a test needs of the machine. Where it is missing the test is skipped with the reason in its name; under `CI=true` that is an
// error, because there the machine is ours to equip.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Needs of a test. */
export interface Requirements {
  readonly root?: boolean;
  /** A device node that must be there, such as `/dev/net/tun`. */
  readonly device?: string;
  readonly commands?: readonly string[];
}

const isAccessible = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

// A user's PATH often lacks the sbin directories, where `ip` and `nft` are.
const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

const isInstalled = (command: string): boolean =>
  directories.some((directory) => isAccessible(join(directory, command), constants.X_OK));

/** For the `skip` option of a test: `false` if all is there, else the reason to skip. Throws that reason under `CI=true`. */
export const requires = ({ root = false, device, commands = [] }: Requirements): string | false => {
  const missing: string[] = [];
  if (root && process.geteuid?.() !== 0) missing.push('root');
  if (device !== undefined && !isAccessible(device, constants.F_OK)) missing.push(device);
  for (const command of commands) if (!isInstalled(command)) missing.push(`the command ${command}`);
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and CI=true allows no skipping`);
  return reason;
};
