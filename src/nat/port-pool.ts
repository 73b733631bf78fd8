// The external endpoints of this NAT: every address of the pool with its ports for UDP and TCP and its query ids for ICMP. No port is
// ever owned twice (no overloading, RFC 4787 §4.2.1 REQ-3); a released one rests for the hold-down time (RFC 6888 REQ-8).

import { Protocol } from '../base/protocol.ts';
import type { Random } from '../base/random.ts';
import { type Instant, NEVER } from '../base/time.ts';
import type { Ip4 } from '../wire/addr.ts';
import type { NatPolicy, PoolView } from './policy.ts';
import { NO_PORT, PortSlice } from './port-slice.ts';
import { NO_ROW } from './row-lists.ts';

const PROTOCOLS = 3;
/** No address of the pool. */
export const NO_ADDRESS = -1;

/** Allocates external ports; slices of addresses that nobody uses do not exist. */
export class PortPool {
  readonly #addresses: Int32Array;
  readonly #low: number;
  readonly #high: number;
  readonly #slices: (PortSlice | undefined)[];
  /** Open-addressing set of addresses: index + 1 by address. */
  readonly #indexSlots: Int32Array;
  readonly #random: Random;
  #holdDown: number;
  #heldFirstSlice = NO_ROW;
  #heldFirstPort = 0;
  #heldLastSlice = NO_ROW;
  #heldLastPort = 0;
  /** Ports that mappings own, indexed by {@link Protocol}. */
  readonly used: Int32Array = new Int32Array(PROTOCOLS);
  /** Ports that are held down, indexed by {@link Protocol}. */
  readonly held: Int32Array = new Int32Array(PROTOCOLS);

  constructor(pool: readonly Ip4[], ports: NatPolicy['ports'], holdDown: number, random: Random) {
    this.#addresses = Int32Array.from(pool);
    this.#low = ports.low;
    this.#high = ports.high;
    this.#holdDown = holdDown;
    this.#random = random;
    this.#slices = new Array<PortSlice | undefined>(pool.length * PROTOCOLS).fill(undefined);
    this.#indexSlots = new Int32Array(2 ** Math.ceil(Math.log2(pool.length * 4 + 4)));
    for (let i = 0; i < pool.length; i++) {
      let slot = this.#slotOf(this.#addresses[i]!);
      while (this.#indexSlots[slot] !== 0) slot = (slot + 1) & (this.#indexSlots.length - 1);
      this.#indexSlots[slot] = i + 1;
    }
  }

  /** How many addresses there are; they are known by index. */
  get addresses(): number {
    return this.#addresses.length;
  }

  /** Ports of one protocol on all addresses. */
  get capacity(): number {
    return this.#addresses.length * (this.#high - this.#low + 1);
  }

  /** Whether addresses and ports are just these. */
  isMadeOf(pool: readonly Ip4[], ports: NatPolicy['ports']): boolean {
    return (
      ports.low === this.#low &&
      ports.high === this.#high &&
      pool.length === this.#addresses.length &&
      pool.every((a, i) => this.#addresses[i] === (a | 0))
    );
  }

  /** Changes the hold-down time, for ports that are held down already as well. */
  adjustHoldDown(holdDown: number): void {
    this.#holdDown = holdDown;
  }

  addressAt(index: number): Ip4 {
    return (this.#addresses[index]! >>> 0) as Ip4;
  }

  /** The index of `address`, or {@link NO_ADDRESS}. */
  indexOf(address: Ip4): number {
    const wanted = address | 0;
    const mask = this.#indexSlots.length - 1;
    for (let slot = this.#slotOf(wanted); ; slot = (slot + 1) & mask) {
      const index = this.#indexSlots[slot]! - 1;
      if (index < 0 || this.#addresses[index] === wanted) return index;
    }
  }

  /** The mapping that owns an external endpoint, or `NO_ROW`. */
  ownerOf(index: number, protocol: Protocol, port: number): number {
    const slice = this.#slices[index * PROTOCOLS + protocol];
    return slice === undefined ? NO_ROW : slice.ownerOf(port);
  }

  /** Takes a port of an address, `preferred` if it is free; `NO_PORT` if none is. O(1). */
  take(index: number, protocol: Protocol, preferred: number): number {
    const port = this.#slice(index * PROTOCOLS + protocol).take(preferred, this.#random);
    if (port !== NO_PORT) this.used[protocol]!++;
    return port;
  }

  /** Takes just this port, for something that outlives a change of the pool; whether it is there and free. */
  claim(index: number, protocol: Protocol, port: number): boolean {
    const slice = this.#slice(index * PROTOCOLS + protocol);
    if (!slice.isFree(port)) return false;
    slice.claim(port);
    this.used[protocol]!++;
    return true;
  }

  /** Says which mapping owns a port that was taken. */
  assign(index: number, protocol: Protocol, port: number, owner: number): void {
    this.#slice(index * PROTOCOLS + protocol).assign(port, owner);
  }

  /** How an address stands, for people. */
  view(index: number): PoolView {
    const slices = this.#slices.slice(index * PROTOCOLS, (index + 1) * PROTOCOLS);
    const [udp, tcp, icmp] = slices;
    return {
      address: this.addressAt(index),
      used: [udp?.used ?? 0, tcp?.used ?? 0, icmp?.used ?? 0],
      heldDown: [udp?.held ?? 0, tcp?.held ?? 0, icmp?.held ?? 0],
      capacity: this.#high - this.#low + 1,
    };
  }

  /** Gives a port back; it is held down from now on. O(1). */
  release(index: number, protocol: Protocol, port: number, now: Instant): void {
    const s = index * PROTOCOLS + protocol;
    this.#slice(s).disown(port);
    this.used[protocol]!--;
    this.#hold(s, port, now);
  }

  /** Frees ports whose hold-down is over, at most `budget`, and returns how many. */
  expire(now: Instant, budget: number): number {
    let freed = 0;
    while (freed < budget && this.nextExpiry() <= now) {
      const s = this.#heldFirstSlice;
      const port = this.#heldFirstPort;
      const slice = this.#slice(s);
      const x = port - this.#low;
      this.#heldFirstSlice = slice.heldNextSlice[x]!;
      this.#heldFirstPort = slice.heldNextPort[x]!;
      if (this.#heldFirstSlice === NO_ROW) this.#heldLastSlice = NO_ROW;
      slice.release(port);
      this.held[s % PROTOCOLS]!--;
      freed++;
    }
    return freed;
  }

  /** When the first port's hold-down is over; {@link NEVER} if none is held down. */
  nextExpiry(): Instant {
    if (this.#heldFirstSlice === NO_ROW) return NEVER;
    const slice = this.#slice(this.#heldFirstSlice);
    return (slice.releasedAt[this.#heldFirstPort - this.#low]! + this.#holdDown) as Instant;
  }

  /** Holds down what `old` holds down, as far as it exists here and is free: a change of the pool is no way around the rest. */
  adoptHeld(old: PortPool): void {
    let s = old.#heldFirstSlice;
    let port = old.#heldFirstPort;
    while (s !== NO_ROW) {
      const slice = old.#slice(s);
      const x = port - old.#low;
      const index = this.indexOf(old.addressAt(Math.floor(s / PROTOCOLS)));
      const protocol = (s % PROTOCOLS) as Protocol;
      if (index !== NO_ADDRESS && this.claim(index, protocol, port)) {
        this.release(index, protocol, port, slice.releasedAt[x]! as Instant);
      }
      s = slice.heldNextSlice[x]!;
      port = slice.heldNextPort[x]!;
    }
  }

  #hold(s: number, port: number, now: Instant): void {
    const slice = this.#slice(s);
    const x = port - this.#low;
    slice.heldNextSlice[x] = NO_ROW;
    slice.releasedAt[x] = now;
    if (this.#heldLastSlice === NO_ROW) {
      this.#heldFirstSlice = s;
      this.#heldFirstPort = port;
    } else {
      const last = this.#slice(this.#heldLastSlice);
      last.heldNextSlice[this.#heldLastPort - this.#low] = s;
      last.heldNextPort[this.#heldLastPort - this.#low] = port;
    }
    this.#heldLastSlice = s;
    this.#heldLastPort = port;
    this.held[s % PROTOCOLS]!++;
  }

  #slice(s: number): PortSlice {
    const known = this.#slices[s];
    if (known !== undefined) return known;
    // ICMP query ids have no classes.
    const slice = new PortSlice(this.#low, this.#high, s % PROTOCOLS !== Protocol.icmp);
    this.#slices[s] = slice;
    return slice;
  }

  #slotOf(address: number): number {
    return (Math.imul(address, 0x9e3779b1) >>> 16) & (this.#indexSlots.length - 1);
  }
}
