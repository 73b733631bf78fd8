// Number lines: for each client and each of its sender ids, the replay window and what is known about the numbers themselves.
//
// A client that restarts begins at number 0 again. When it has proved that (challenge.ts), its line starts over, and up to the
// highest number of old the line is *contested*: captured datagrams of the earlier line verify and look new. While a line is
// contested it takes datagrams from the client's proven endpoint alone, no more than a window ahead, and none whose auth tag was
// accepted under the same number before. A client has few lines; when all are in use, a further sender id has to be proved, too.

import type { Instant } from '../base/time.ts';
import { LINES, type LineStore } from './line-store.ts';
import { Freshness, ReplayWindows } from './replay-window.ts';
import { TagMemory } from './tag-memory.ts';

/** No line. */
export const NO_LINE = -1;

/** What a datagram's number says about it, before it is known to be authentic. */
export const Standing = {
  /** Seen, or too old to tell. */
  stale: 0,
  /** On a contested line, but from elsewhere or too far ahead; or of a sender id for which there is no line left. */
  contested: 1,
  /** Newer than all on a contested line, but the same datagram was accepted before. */
  repeated: 2,
  /** May be delivered, though newer ones have been. */
  late: 3,
  /** May be delivered, and is newer than all before. */
  fresh: 4,
} as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

/** A bound above all sequence numbers. */
const ALL_NUMBERS = 2 ** 32;
/** Proofs that a client really sends the same datagrams under the same numbers again, before a line believes it. */
const REPEATS_BELIEVED = 3;

/** One line as shown to people. */
export interface LineView {
  readonly senderId: number;
  readonly highest: number;
  /** Whether numbers up to an earlier line's highest are still ahead. */
  readonly contested: boolean;
}

/** The number lines of all clients; line `k` of a row is `k * capacity + row`, so that lines not in use touch no memory. */
export class NumberLines {
  /** When each line last went forward; means nothing for a line not in use. */
  readonly advancedAt: Float64Array;
  readonly #capacity: number;
  readonly #store: LineStore;
  readonly #windows: ReplayWindows;
  readonly #tags: TagMemory;
  /** Sender id plus 1; 0 marks a line not in use. */
  readonly #senderIds: Uint32Array;
  /** The line is contested as long as its highest number is below this. */
  readonly #contestedBelow: Float64Array;
  readonly #repeats: Uint8Array;

  /** What `store` remembers is not in force before {@link resume}. */
  constructor(capacity: number, window: number, store: LineStore) {
    const lines = LINES * capacity;
    this.#capacity = capacity;
    this.#store = store;
    this.#windows = new ReplayWindows(lines, window, store.highest);
    this.#tags = new TagMemory(store);
    this.#senderIds = store.senderIds;
    this.advancedAt = new Float64Array(lines);
    this.#contestedBelow = store.contestedBelow;
    this.#repeats = new Uint8Array(lines);
  }

  /** Whether there are replay windows at all. */
  get hasWindow(): boolean {
    return this.#windows.size !== 0;
  }

  /** The line of `senderId`, or {@link NO_LINE}. */
  find(row: number, senderId: number): number {
    for (let k = 0, line = row; k < LINES; k++, line += this.#capacity) {
      if (this.#senderIds[line] === senderId + 1) return line;
    }
    return NO_LINE;
  }

  /** Judges a number of `line`, or of an unknown sender id; `isHome` says that it came from the client's proven endpoint. */
  judge(row: number, line: number, senderId: number, sequence: number, tag: number, isHome: boolean): Standing {
    if (line === NO_LINE) return this.#unused(row) === NO_LINE ? Standing.contested : Standing.fresh;
    const freshness = this.#windows.check(line, sequence);
    if (freshness === Freshness.stale) return Standing.stale;
    // A late number may be a contested one although the line has left them behind.
    if (this.#isContested(line) || sequence < this.#contestedBelow[line]!) {
      if (!isHome || this.#windows.ahead(line, sequence) > this.#windows.size) return Standing.contested;
      if (this.#repeats[line]! < REPEATS_BELIEVED && this.#tags.has(row, senderId, sequence, tag)) {
        // One that was lost on the way can be repeated by anybody; only the next ones tell something about the client.
        return freshness === Freshness.fresh ? Standing.repeated : Standing.stale;
      }
    }
    return freshness === Freshness.fresh ? Standing.fresh : Standing.late;
  }

  /**
   * Enters the number of an authentic datagram judged late or fresh; a sender id that has no line gets one. A `tag` of 0 is not
   * remembered.
   */
  accept(row: number, line: number, senderId: number, sequence: number, tag: number, now: Instant): void {
    if (line === NO_LINE) {
      const unused = this.#unused(row);
      this.#senderIds[unused] = senderId + 1;
      this.#contestedBelow[unused] = 0;
      this.#repeats[unused] = 0;
      this.advancedAt[unused] = now;
      this.#windows.begin(unused, sequence);
    } else {
      if (this.#windows.ahead(line, sequence) > 0) this.advancedAt[line] = now;
      this.#windows.mark(line, sequence);
    }
    if (tag !== 0) this.#tags.remember(row, senderId, sequence, tag);
  }

  /**
   * Starts the line of `senderId` over at `sequence`, which stands proved. What an earlier line used stays contested. If the sender
   * id has no line, it takes that of the least recently used one, and everything is contested.
   */
  restart(row: number, senderId: number, sequence: number, tag: number, now: Instant): void {
    let line = this.find(row, senderId);
    if (line === NO_LINE) {
      line = this.leastRecent(row);
      this.#senderIds[line] = senderId + 1;
      this.#contestedBelow[line] = this.#windows.size === 0 ? 0 : ALL_NUMBERS;
    } else if (this.#windows.size !== 0) {
      this.#contestedBelow[line] = Math.max(this.#contestedBelow[line]!, this.#windows.highest(line) + 1);
    }
    this.#windows.restart(line, sequence);
    this.#repeats[line] = 0;
    this.advancedAt[line] = now;
    if (tag !== 0) this.#tags.remember(row, senderId, sequence, tag);
  }

  /** The line of `row` that has not gone forward for longest, if all are in use. */
  leastRecent(row: number): number {
    let oldest = row;
    for (let line = row; line < LINES * this.#capacity; line += this.#capacity) {
      if (this.advancedAt[line]! < this.advancedAt[oldest]!) oldest = line;
    }
    return oldest;
  }

  /**
   * Weighs a proof that arrived after a datagram with the number `repeated` was refused as repeated. If the line has passed that
   * number and no other datagram with it came, the refused one was the client's own; after a few of those the line believes it.
   */
  weighRepeat(row: number, senderId: number, repeated: number): void {
    const line = this.find(row, senderId);
    const isMissing = this.#windows.check(line, repeated) === Freshness.late;
    this.#repeats[line] = isMissing ? this.#repeats[line]! + 1 : 0;
  }

  /** Takes up what is remembered of `row` if it was under the keys that `identity` stands for, and forgets it otherwise. */
  resume(row: number, identity: number, now: Instant): void {
    if (identity === 0 || this.#store.identities[row] !== identity) {
      this.clear(row);
      this.#store.identities[row] = identity;
      return;
    }
    for (let line = row; line < LINES * this.#capacity; line += this.#capacity) {
      if (this.#senderIds[line] === 0) continue;
      // Which numbers below the highest had not come is not remembered.
      this.#windows.restart(line, this.#windows.highest(line));
      this.#repeats[line] = 0;
      this.advancedAt[line] = now;
    }
  }

  /** Forgets the lines of `row`. */
  clear(row: number): void {
    for (let line = row; line < LINES * this.#capacity; line += this.#capacity) this.#senderIds[line] = 0;
  }

  /** The lines of `row`, for people; allocates. */
  view(row: number): LineView[] {
    const views: LineView[] = [];
    for (let line = row; line < LINES * this.#capacity; line += this.#capacity) {
      const senderId = this.#senderIds[line]! - 1;
      if (senderId < 0) continue;
      views.push({ senderId, highest: this.#windows.highest(line), contested: this.#isContested(line) });
    }
    return views;
  }

  #unused(row: number): number {
    return this.find(row, -1);
  }

  #isContested(line: number): boolean {
    return this.#windows.highest(line) < this.#contestedBelow[line]!;
  }
}
