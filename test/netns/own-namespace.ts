// A network namespace for this test process alone: it has a loopback interface and nothing else, and it vanishes with the process.

import { execFileSync } from 'node:child_process';
import koffi from 'koffi';

const CLONE_NEWNET = 0x40000000;

/** Runs `ip` with `words` in this process's namespace. */
export const ip = (words: string): string => execFileSync('ip', words.split(' '), { encoding: 'utf8' });

/** Moves the main thread, and the processes it starts, into a fresh namespace. */
export const enterOwnNamespace = (): void => {
  const unshare = koffi.load(null).func('int unshare(int)');
  if (unshare(CLONE_NEWNET) !== 0) throw new Error(`unshare failed with errno ${koffi.errno()}`);
  ip('link set lo up');
};
