// Which associations have asked for a fresh sender id. A request may stay without an answer, as when the record of sender ids cannot be
// written; there are days until the numbers are used up, so it is made again at leisure.

import { after, type Duration, type Instant, minutes } from '../base/time.ts';

/** How long an answer is waited for. */
const ASK_AGAIN_AFTER: Duration = minutes(1);

/** Requests that wait for an answer, by row. */
export class SenderIdRequests {
  readonly #askAgainAt = new Map<number, Instant>();

  /** Whether `row`, which needs a sender id, shall ask for it now; if so, it has asked. */
  ask(row: number, now: Instant): boolean {
    const at = this.#askAgainAt.get(row);
    if (at !== undefined && now < at) return false;
    this.#askAgainAt.set(row, after(now, ASK_AGAIN_AFTER));
    return true;
  }

  /** The request of `row` was answered. */
  settle(row: number): void {
    this.#askAgainAt.delete(row);
  }

  /** Forgets all requests: rows may be other clients' now. */
  clear(): void {
    this.#askAgainAt.clear();
  }
}
