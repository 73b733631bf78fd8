// A memory of auth tags. Once a client has started its numbers over, datagrams of its earlier number line are authentic and look
// new; but whoever replays one sends the very same tag under the same number. So the last tags accepted under each number are kept,
// for all clients in one table of fixed size: no state a client, and a tag is forgotten only when others have taken its place.
//
// A restarted line walks through the lowest numbers first, which are the longest ago. They have a region of their own, so that
// busy lines far up cannot wash them out. Numbers of one line lie side by side, which keeps the walk in the cache.

import { type LineStore, TAGS } from './line-store.ts';

/** Numbers of each line that count as low. */
const LOW = 8192;

/**
 * What was accepted under a number, as 32 bits of the auth tag: an int32, because an uint32 would be boxed on its way here. 0 stands
 * for a tag too short to tell, and is never found.
 */
export class TagMemory {
  readonly #mask: number;
  readonly #key: number;
  readonly #tags: Int32Array;

  /** Keeps the tags in `store`. */
  constructor(store: LineStore) {
    this.#mask = store.tags.length / (2 * TAGS) - 1;
    this.#key = store.tagKey[0]!;
    this.#tags = store.tags;
  }

  /** Keeps the tag of an accepted datagram. */
  remember(row: number, senderId: number, sequence: number, tag: number): void {
    const tags = this.#tags;
    const bucket = this.#bucket(row, senderId, sequence);
    for (let k = bucket + TAGS - 1; k > bucket; k--) tags[k] = tags[k - 1]!;
    tags[bucket] = tag;
  }

  /** Whether a datagram with this number and tag was accepted before, as far as memory goes. */
  has(row: number, senderId: number, sequence: number, tag: number): boolean {
    if (tag === 0) return false;
    const tags = this.#tags;
    const bucket = this.#bucket(row, senderId, sequence);
    for (let k = bucket; k < bucket + TAGS; k++) if (tags[k] === tag) return true;
    return false;
  }

  #bucket(row: number, senderId: number, sequence: number): number {
    let line = Math.imul(row ^ this.#key, 0x9e3779b1) ^ Math.imul(senderId + 1, 0x85ebca77);
    line = Math.imul(line ^ (line >>> 15), 0xc2b2ae3d);
    line ^= line >>> 13;
    const region = sequence < LOW ? 0 : this.#mask + 1;
    return (region + ((line + sequence) & this.#mask)) * TAGS;
  }
}
