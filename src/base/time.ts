// Time as the pure core sees it: a number that is passed in. Nothing below `io` reads a clock.

import type { Brand } from './brand.ts';

/** Milliseconds of a monotonic clock whose origin means nothing. */
export type Instant = Brand<number, 'Instant'>;
/** A span in milliseconds. */
export type Duration = Brand<number, 'Duration'>;

/** Makes an {@link Instant} from milliseconds. */
export const instant = (milliseconds: number): Instant => milliseconds as Instant;
/** Makes a {@link Duration} from milliseconds. */
export const milliseconds = (n: number): Duration => n as Duration;
/** Makes a {@link Duration} from seconds. */
export const seconds = (n: number): Duration => (n * 1000) as Duration;
/** Makes a {@link Duration} from minutes. */
export const minutes = (n: number): Duration => (n * 60_000) as Duration;
/** The instant `d` after `t`. */
export const after = (t: Instant, d: Duration): Instant => (t + d) as Instant;

/** Later than every instant that can occur. */
export const NEVER: Instant = Number.POSITIVE_INFINITY as Instant;

/** Tells the time. */
export interface Clock {
  now(): Instant;
}

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  #now: Instant = instant(1_000_000);

  now(): Instant {
    return this.#now;
  }

  /** Moves the clock forward and returns the new time. */
  advance(d: Duration): Instant {
    this.#now = after(this.#now, d);
    return this.#now;
  }
}
