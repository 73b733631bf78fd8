// Refused packets in the log: never a line a packet, but at most one an interval, with how many were refused for which reason since
// the line before. Whoever floods the gateway fills counters, not disks.

import { Cell, type Counters } from '../base/counters.ts';
import { dropReasonNames, toLabel } from '../base/drop-reason.ts';
import { directionNames } from '../base/protocol.ts';
import type { Duration, Instant } from '../base/time.ts';

/** Packets refused since the last summary: by direction, then by reason; only what is not zero. */
export type DropSummary = Readonly<Record<string, Readonly<Record<string, number>>>>;

const REASONS = dropReasonNames.length;
const CELLS = directionNames.length * REASONS;

/** Turns drop counters into a summary now and then. */
export class DropSampler {
  readonly #interval: Duration;
  readonly #last = new Float64Array(CELLS);
  #due: Instant | undefined;

  constructor(interval: Duration) {
    this.#interval = interval;
  }

  /** What was refused since the last summary; `undefined` if that is nothing, or if the interval has not passed yet. */
  sample(
    shards: readonly Counters[],
    now: Instant,
  ): { readonly total: number; readonly drops: DropSummary } | undefined {
    if (this.#due !== undefined && now < this.#due) return undefined;
    const drops: Record<string, Record<string, number>> = {};
    let total = 0;
    for (let cell = 0; cell < CELLS; cell++) {
      const sum = shards.reduce((n, counters) => n + counters[Cell.droppedPackets + cell]!, 0);
      const delta = sum - this.#last[cell]!;
      this.#last[cell] = sum;
      if (delta <= 0) continue;
      const direction = directionNames[Math.floor(cell / REASONS)]!;
      drops[direction] ??= {};
      drops[direction][toLabel(dropReasonNames[cell % REASONS]!)] = delta;
      total += delta;
    }
    if (total === 0) return undefined;
    this.#due = (now + this.#interval) as Instant;
    return { total, drops };
  }
}
