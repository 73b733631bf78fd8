// Token buckets, one a row: a rate with a burst. What is kept is the debt, not the tokens, so that zero-filled memory is a full
// bucket and a bucket that nobody used is never touched.

import type { Instant } from '../base/time.ts';

/** `rows` buckets of one rate. */
export class TokenBuckets {
  readonly #debt: Float64Array;
  readonly #since: Float64Array;
  #perMillisecond: number;
  #burst: number;

  /** Each bucket holds `burst` tokens and gains `perSecond`. */
  constructor(rows: number, perSecond: number, burst: number) {
    this.#debt = new Float64Array(rows);
    this.#since = new Float64Array(rows);
    this.#perMillisecond = perSecond / 1000;
    this.#burst = burst;
  }

  /** Changes the rate and the burst of all buckets. */
  adjust(perSecond: number, burst: number): void {
    this.#perMillisecond = perSecond / 1000;
    this.#burst = burst;
  }

  /** Whether bucket `row` has a whole token. */
  has(row: number, now: Instant): boolean {
    const paid = (now - this.#since[row]!) * this.#perMillisecond;
    return Math.max(this.#debt[row]! - paid, 0) + 1 <= this.#burst;
  }

  /** Takes a token from bucket `row`, which {@link has} one. */
  take(row: number, now: Instant): void {
    const paid = (now - this.#since[row]!) * this.#perMillisecond;
    this.#debt[row] = Math.max(this.#debt[row]! - paid, 0) + 1;
    this.#since[row] = now;
  }

  /** Fills bucket `row`. */
  reset(row: number): void {
    this.#debt[row] = 0;
  }
}
