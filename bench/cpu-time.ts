// How much of the processor somebody used, from the scheduler's own account (/proc/…/schedstat, nanoseconds). It is what `ps` calls
// user and system time together, without the rounding to ticks; what a hypervisor took away is not in it.

import { readdirSync, readFileSync } from 'node:fs';

const firstNumber = (file: string): number => {
  try {
    return Number(readFileSync(file, 'utf8').split(' ', 1)[0]);
  } catch {
    return 0; // A thread that has just ended.
  }
};

const threadsOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
};

/** Nanoseconds that the threads of these processes have run. */
export const cpuTime = (pids: readonly number[]): number => {
  let total = 0;
  for (const pid of pids) {
    for (const thread of threadsOf(pid)) total += firstNumber(`/proc/${pid}/task/${thread}/schedstat`);
  }
  return total;
};

/** The kernel thread that finishes the network's work of processor `cpu` when there is too much to do it in passing. */
export const softirqThread = (cpu: number): number | undefined => {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readFileSync(`/proc/${entry}/comm`, 'utf8').trim() === `ksoftirqd/${cpu}`) return Number(entry);
    } catch {
      // It has ended since the directory was read.
    }
  }
  return undefined;
};

/** Processors that this process may use, lowest first. */
export const allowedProcessors = (): number[] => {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
};

/** How a processor has spent its time since boot, in seconds. */
export interface ProcessorTime {
  /** On any work of this machine. */
  readonly busy: number;
  /** Taken away by a hypervisor. */
  readonly stolen: number;
}

const USER_HZ = 100;

/** How processor `cpu` has spent its time. */
export const processorTime = (cpu: number): ProcessorTime => {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const fields =
    lines
      .find((line) => line.startsWith(`cpu${cpu} `))
      ?.split(' ')
      .slice(1)
      .map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = fields;
  return { busy: (user + nice + system + irq + softirq) / USER_HZ, stolen: stolen / USER_HZ };
};
