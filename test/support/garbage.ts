// What a stretch of code leaves for the garbage collector. Scavenges are what it costs; octets see a single small object a packet,
// long before it makes a scavenge more.

import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';

/** What was left behind. */
export interface Garbage {
  /** Collections of the young generation. */
  readonly scavenges: number;
  /** Octets allocated on the heap; NaN where this Node does not count them. */
  readonly octets: number;
}

const allocatedOctets = (): number =>
  (getHeapStatistics() as unknown as Readonly<Record<string, number | undefined>>)['total_allocated_bytes'] ??
  Number.NaN;

/** Measures `run`, which must not wait for anything. Let it run once before, so that it is compiled. */
export const garbageOf = async (run: () => void): Promise<Garbage> => {
  let scavenges = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as PerformanceEntry & { readonly detail: { readonly kind: number } }).detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) scavenges++;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const before = allocatedOctets();
  run();
  const octets = allocatedOctets() - before;
  // Collections are reported by the event loop.
  await setImmediate();
  await setImmediate();
  observer.disconnect();
  return { scavenges, octets };
};
