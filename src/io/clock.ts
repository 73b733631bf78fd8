// The real clock: the kernel's monotonic one, which no correction of the date moves.

import { type Clock, type Instant, instant } from '../base/time.ts';

/** Milliseconds since the process (or the worker) started; instants of different threads are not comparable. */
export const monotonicClock: Clock = { now: (): Instant => instant(performance.now()) };
