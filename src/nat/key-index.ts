// An index from 98-bit keys (two addresses, two ports, a protocol) to rows: open addressing with the key in the slot, so that a hit
// costs one cache line. The hash is HalfSipHash-1-3 under a secret key: strangers choose addresses and ports, and must not be able
// to aim them all at one slot. Removal shifts entries back instead of leaving tombstones, so age never makes a search longer.
//
// A slot is four words: address, address, two ports, and protocol (2 bits) with row + 1 (30 bits); a zero last word is a free slot.
// Words are int32 throughout, the form in which V8 keeps them out of the heap.

import type { Random } from '../base/random.ts';
import { NO_ROW } from './row-lists.ts';

const SLOT_WORDS = 4;
const ROW_MASK = 0x3fffffff;

/** Slots per entry that fits: half of them stay free, and a search sees one or two. */
const SLOTS_PER_ROW = 2;

/** A map from `(a, b, ports, protocol)` to a row; keys are unique and at most `capacity` of them are in it at a time. */
export class KeyIndex {
  readonly #slots: Int32Array;
  readonly #count: number;
  readonly #key0: number;
  readonly #key1: number;

  constructor(capacity: number, random: Random) {
    this.#count = Math.max(capacity * SLOTS_PER_ROW, 2);
    this.#slots = new Int32Array(this.#count * SLOT_WORDS);
    this.#key0 = random.uint32() | 0;
    this.#key1 = random.uint32() | 0;
  }

  /** The slot at which a search for this key begins. */
  home(a: number, b: number, ports: number, protocol: number): number {
    let v0 = this.#key0;
    let v1 = this.#key1;
    let v2 = this.#key0 ^ 0x6c796765;
    let v3 = this.#key1 ^ 0x74656462;
    // Three words and a last block that holds the protocol and the length; then three rounds over nothing.
    for (let round = 0; round < 7; round++) {
      const m = round === 0 ? a : round === 1 ? b : round === 2 ? ports : round === 3 ? (13 << 24) | protocol : 0;
      v3 ^= m;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= m;
      if (round === 3) v2 ^= 0xff;
    }
    // Scales the hash to the number of slots; exact, for the product is below 2^53.
    return Math.floor((((v1 ^ v3) >>> 0) * this.#count) / 0x1_0000_0000);
  }

  /** The row of a key whose {@link home} is `home`, or {@link NO_ROW}. */
  findFrom(home: number, a: number, b: number, ports: number, protocol: number): number {
    const slot = this.#search(home, a, b, ports, protocol);
    return slot < 0 ? NO_ROW : (this.#slots[slot * SLOT_WORDS + 3]! & ROW_MASK) - 1;
  }

  /** The row of a key, or {@link NO_ROW}. */
  find(a: number, b: number, ports: number, protocol: number): number {
    return this.findFrom(this.home(a, b, ports, protocol), a, b, ports, protocol);
  }

  /** Adds a key that is not in the index. */
  insert(a: number, b: number, ports: number, protocol: number, row: number): void {
    const slots = this.#slots;
    let slot = this.home(a, b, ports, protocol);
    while (slots[slot * SLOT_WORDS + 3] !== 0) slot = slot + 1 === this.#count ? 0 : slot + 1;
    const at = slot * SLOT_WORDS;
    slots[at] = a;
    slots[at + 1] = b;
    slots[at + 2] = ports;
    slots[at + 3] = (protocol << 30) | (row + 1);
  }

  /** Removes a key that is in the index. */
  remove(a: number, b: number, ports: number, protocol: number): void {
    const slots = this.#slots;
    const count = this.#count;
    let hole = this.#search(this.home(a, b, ports, protocol), a, b, ports, protocol);
    if (hole < 0) return;
    let slot = hole;
    for (;;) {
      slot = slot + 1 === count ? 0 : slot + 1;
      const at = slot * SLOT_WORDS;
      const last = slots[at + 3]!;
      if (last === 0) break;
      // An entry may move back into the hole unless its home lies behind the hole: a search would then begin past it.
      const home = this.home(slots[at]!, slots[at + 1]!, slots[at + 2]!, last >>> 30);
      const fromHome = slot >= home ? slot - home : slot - home + count;
      const fromHole = slot >= hole ? slot - hole : slot - hole + count;
      if (fromHome < fromHole) continue;
      slots.copyWithin(hole * SLOT_WORDS, at, at + SLOT_WORDS);
      hole = slot;
    }
    slots[hole * SLOT_WORDS + 3] = 0;
  }

  #search(home: number, a: number, b: number, ports: number, protocol: number): number {
    const slots = this.#slots;
    let slot = home;
    for (;;) {
      const at = slot * SLOT_WORDS;
      const last = slots[at + 3]!;
      if (last === 0) return -1;
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === ports && last >>> 30 === protocol) return slot;
      slot = slot + 1 === this.#count ? 0 : slot + 1;
    }
  }
}
