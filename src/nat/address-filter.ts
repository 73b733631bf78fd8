// Address-dependent filtering asks whether a mapping ever sent to a remote address, whatever the port (RFC 4787 §5). Walking the
// mapping's sessions would let a stranger buy a long walk with one packet, so the answer is kept: a count of sessions for every
// (mapping, remote address) pair.

import type { Protocol } from '../base/protocol.ts';
import type { Random } from '../base/random.ts';
import type { Ip4 } from '../wire/addr.ts';
import { KeyIndex } from './key-index.ts';
import { NO_ROW, RowAllocator } from './row-lists.ts';

const WORDS = 2;
const COUNT = 0;
const LINK = 1;

/** Counts of sessions by mapping and remote address. */
export class AddressFilter {
  readonly #words: Int32Array;
  readonly #rows: RowAllocator;
  readonly #index: KeyIndex;

  /** There are never more pairs than sessions, hence `capacity` is the session table's. */
  constructor(capacity: number, random: Random) {
    this.#words = new Int32Array(capacity * WORDS);
    this.#rows = new RowAllocator(this.#words, WORDS, LINK, capacity);
    this.#index = new KeyIndex(capacity, random);
  }

  /** Notes a session of `mapping` with an endpoint of `remote`. */
  add(mapping: number, protocol: Protocol, remote: Ip4): void {
    let row = this.#index.find(mapping, remote | 0, 0, protocol);
    if (row === NO_ROW) {
      row = this.#rows.take();
      this.#words[row * WORDS + COUNT] = 0;
      this.#index.insert(mapping, remote | 0, 0, protocol, row);
    }
    this.#words[row * WORDS + COUNT]!++;
  }

  /** Takes back what {@link add} noted. */
  remove(mapping: number, protocol: Protocol, remote: Ip4): void {
    const row = this.#index.find(mapping, remote | 0, 0, protocol);
    if (--this.#words[row * WORDS + COUNT]! > 0) return;
    this.#index.remove(mapping, remote | 0, 0, protocol);
    this.#rows.release(row);
    this.#rows.settle();
  }

  /** Whether `mapping` has a session with any endpoint of `remote`. */
  has(mapping: number, protocol: Protocol, remote: Ip4): boolean {
    return this.#index.find(mapping, remote | 0, 0, protocol) !== NO_ROW;
  }
}
