// The external ports of one address and protocol. Free ports stand dense at the front of an array, and every port knows where it
// stands, so that taking a given port, taking a random one and giving one back are each O(1) at any fill. Ports below 1024 are a
// region of their own (RFC 4787 §4.2.2 REQ-3a). Both arrays hold `value ^ index`: zero-filled memory is the untouched order, and a
// slice costs nothing until its ports are used.

import { below, type Random } from '../base/random.ts';
import { NO_ROW } from './row-lists.ts';

/** No port. */
export const NO_PORT = -1;

/** First port that is not well-known. */
const USER_PORTS = 1024;

/** Ports `low` to `high` of one external address and protocol: each free, owned by a mapping, or held down. */
export class PortSlice {
  readonly #low: number;
  readonly #size: number;
  /** Ports of the lower region; 0 if the slice is not split. */
  readonly #split: number;
  readonly #portAt: Uint16Array;
  readonly #placeOf: Uint16Array;
  readonly #owners: Int32Array;
  #freeLower: number;
  #freeUpper: number;
  #held = 0;
  /** Links of the hold-down queue, which runs through all slices; kept by `PortPool`. */
  readonly heldNextSlice: Int32Array;
  readonly heldNextPort: Uint16Array;
  /** When a port that is held down was released; in milliseconds of an `Instant`. */
  readonly releasedAt: Float64Array;

  constructor(low: number, high: number, isSplit: boolean) {
    this.#low = low;
    this.#size = high - low + 1;
    this.#split = isSplit && low < USER_PORTS && high >= USER_PORTS ? USER_PORTS - low : 0;
    this.#portAt = new Uint16Array(this.#size);
    this.#placeOf = new Uint16Array(this.#size);
    this.#owners = new Int32Array(this.#size);
    this.#freeLower = this.#split;
    this.#freeUpper = this.#size - this.#split;
    this.heldNextSlice = new Int32Array(this.#size);
    this.heldNextPort = new Uint16Array(this.#size);
    this.releasedAt = new Float64Array(this.#size);
  }

  /** How many ports are free. */
  get free(): number {
    return this.#freeLower + this.#freeUpper;
  }

  /** How many ports are owned. */
  get used(): number {
    return this.#size - this.free - this.#held;
  }

  /** How many ports are neither free nor owned. */
  get held(): number {
    return this.#held;
  }

  /** The row that owns `port`, or `NO_ROW`; any port may be asked for. */
  ownerOf(port: number): number {
    const x = port - this.#low;
    return x >= 0 && x < this.#size ? this.#owners[x]! - 1 : NO_ROW;
  }

  /** Whether `port` belongs to the slice and is free. */
  isFree(port: number): boolean {
    const x = port - this.#low;
    if (x < 0 || x >= this.#size) return false;
    const place = this.#placeOf[x]! ^ x;
    return x < this.#split ? place < this.#freeLower : place < this.#split + this.#freeUpper;
  }

  /**
   * Takes `preferred` if it is free, else a random free port of its region (RFC 7857 §9). Well-known source ports may overflow into the
   * upper region, never the other way. {@link NO_PORT} if none is left.
   */
  take(preferred: number, random: Random): number {
    if (this.isFree(preferred)) return this.claim(preferred);
    let place: number;
    if (preferred < USER_PORTS && this.#freeLower > 0) place = below(random, this.#freeLower);
    else if (this.#freeUpper > 0) place = this.#split + below(random, this.#freeUpper);
    else return NO_PORT;
    return this.claim((this.#portAt[place]! ^ place) + this.#low);
  }

  /** Takes `port`, which is free, and returns it. */
  claim(port: number): number {
    const x = port - this.#low;
    this.#move(x, x < this.#split ? --this.#freeLower : this.#split + --this.#freeUpper);
    return port;
  }

  /** Says which row owns `port`, which was taken. */
  assign(port: number, owner: number): void {
    this.#owners[port - this.#low] = owner + 1;
  }

  /** Ends the ownership of `port`, which is held down from then on. */
  disown(port: number): void {
    this.#owners[port - this.#low] = 0;
    this.#held++;
  }

  /** Makes `port`, which is held down, free. */
  release(port: number): void {
    const x = port - this.#low;
    this.#held--;
    this.#move(x, x < this.#split ? this.#freeLower++ : this.#split + this.#freeUpper++);
  }

  /** Exchanges port `x` with the one at `place`. */
  #move(x: number, place: number): void {
    const other = this.#portAt[place]! ^ place;
    const from = this.#placeOf[x]! ^ x;
    this.#portAt[from] = other ^ from;
    this.#placeOf[other] = from ^ other;
    this.#portAt[place] = x ^ place;
    this.#placeOf[x] = place ^ x;
  }
}
