// Replay windows: which sequence numbers of one sender have been seen, as a bitmap behind the highest of them. RFC 4303 §3.4.3 has
// the idea; how numbers compare is what the SATP daemons do, because that decides which datagrams of theirs get through: a jump
// forward may have any length, and only near the ends of the number space (within one window) is it compared around the corner.
//
// A line is one sender's window. Its bitmap is a ring of a power of two bits, at least the window, indexed by sequence number.

import { invariant } from '../base/assert.ts';

/** What a sequence number is to a line. The order matters: what is above `stale` may be delivered. */
export const Freshness = {
  /** Seen before, or older than the window remembers. */
  stale: 0,
  /** Not seen before, but a newer one was. */
  late: 1,
  /** Newer than all. */
  fresh: 2,
} as const;
export type Freshness = (typeof Freshness)[keyof typeof Freshness];

/** Entries of the largest window. */
export const MAX_WINDOW = 65_536;
/** Entries by which lines without a window decide what is around the corner of the number space. */
const DEFAULT_WINDOW = 1024;

/** The windows of `lines` senders, all of one size. Memory of a line that is never begun is never touched. */
export class ReplayWindows {
  /** Entries; with 0 nothing is stale: what is not fresh is late. */
  readonly size: number;
  readonly #corner: number;
  readonly #words: number;
  readonly #highest: Uint32Array;
  readonly #seen: Uint32Array;

  /** `highest` has a word for each of `lines`; what stands there outlives this object. */
  constructor(lines: number, size: number, highest: Uint32Array = new Uint32Array(lines)) {
    invariant(size % 32 === 0 && size >= 0 && size <= MAX_WINDOW, 'a replay window is a multiple of 32 up to 65536');
    this.size = size;
    this.#corner = size === 0 ? DEFAULT_WINDOW : size;
    this.#words = size === 0 ? 0 : 2 ** Math.ceil(Math.log2(size / 32));
    this.#highest = highest;
    this.#seen = new Uint32Array(lines * this.#words);
  }

  /** The highest number seen on a line that was begun. */
  highest(line: number): number {
    return this.#highest[line]!;
  }

  /** Starts a line over at its first number; any other number within the window may still arrive. */
  begin(line: number, sequence: number): void {
    this.#seen.fill(0, line * this.#words, (line + 1) * this.#words);
    this.#highest[line] = sequence;
    this.#set(line, sequence);
  }

  /** Starts a line over at `sequence` and takes all numbers below for seen. */
  restart(line: number, sequence: number): void {
    this.#seen.fill(0xffffffff, line * this.#words, (line + 1) * this.#words);
    this.#highest[line] = sequence;
  }

  /** How far `sequence` is ahead of the highest number: negative if behind, and compared around the corner near both ends. */
  ahead(line: number, sequence: number): number {
    const highest = this.#highest[line]!;
    if (highest < this.#corner) return ((sequence + 0x7fffffff) >>> 0) - (highest + 0x7fffffff);
    if (highest > 0xffffffff - this.#corner) return ((sequence - 0x7fffffff) >>> 0) - (highest - 0x7fffffff);
    return sequence - highest;
  }

  /** What `sequence` is to the line, which stays as it is; meant for before the datagram is known to be authentic. */
  check(line: number, sequence: number): Freshness {
    const ahead = this.ahead(line, sequence);
    if (ahead > 0) return Freshness.fresh;
    if (this.size === 0) return Freshness.late;
    return ahead <= -this.size || this.#has(line, sequence) ? Freshness.stale : Freshness.late;
  }

  /** Enters `sequence`, which {@link check} has just found late or fresh and whose datagram is authentic. */
  mark(line: number, sequence: number): void {
    const ahead = this.ahead(line, sequence);
    if (ahead > 0) {
      this.#forget(line, this.#highest[line]! + 1, ahead);
      this.#highest[line] = sequence;
    }
    this.#set(line, sequence);
  }

  #has(line: number, sequence: number): boolean {
    const word = line * this.#words + ((sequence >>> 5) & (this.#words - 1));
    return ((this.#seen[word]! >>> (sequence & 31)) & 1) === 1;
  }

  #set(line: number, sequence: number): void {
    if (this.size === 0) return;
    const word = line * this.#words + ((sequence >>> 5) & (this.#words - 1));
    this.#seen[word]! |= 1 << (sequence & 31);
  }

  /** Clears the ring's bits of `count` numbers from `from` on. */
  #forget(line: number, from: number, count: number): void {
    if (this.size === 0) return;
    const base = line * this.#words;
    if (count >= this.#words * 32) {
      this.#seen.fill(0, base, base + this.#words);
      return;
    }
    const mask = this.#words - 1;
    let left = count;
    let sequence = from >>> 0;
    while (left > 0) {
      const bit = sequence & 31;
      const bits = Math.min(32 - bit, left);
      // A shift by 32 would be a shift by 0.
      const ones = bits === 32 ? 0xffffffff : ((1 << bits) - 1) << bit;
      this.#seen[base + ((sequence >>> 5) & mask)]! &= ~ones;
      sequence = (sequence + bits) >>> 0;
      left -= bits;
    }
  }
}
