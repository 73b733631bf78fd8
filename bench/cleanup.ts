// Whatever ends the benchmark, what it has set up goes: at the end, after an error, and when a signal interrupts it. What is left by
// one that was killed goes when the next begins: everything carries the pid of its owner in its name.

import { existsSync } from 'node:fs';

const cleanups = new Set<() => void>();
let isGuarded = false;

/** Runs every cleanup that is due, the last one that was registered first. */
const cleanUp = (): void => {
  for (const cleanup of [...cleanups].reverse()) cleanup();
  cleanups.clear();
};

const guard = (): void => {
  if (isGuarded) return;
  isGuarded = true;
  process.on('exit', cleanUp);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      cleanUp();
      process.kill(process.pid, signal);
    });
  }
};

/** Has `cleanup`, which must not wait for anything, run when the process ends. Returns what takes that back. */
export const onEnd = (cleanup: () => void): (() => void) => {
  guard();
  cleanups.add(cleanup);
  return () => void cleanups.delete(cleanup);
};

/** Whether `name`, which is `prefix`, a pid and anything behind a hyphen, belongs to a process that is no more. */
export const isAbandoned = (name: string, prefix: string): boolean => {
  if (!name.startsWith(prefix)) return false;
  const pid = /^(\d+)-/.exec(name.slice(prefix.length))?.[1];
  return pid !== undefined && Number(pid) !== process.pid && !existsSync(`/proc/${pid}`);
};
