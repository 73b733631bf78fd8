// Queues without a kernel, for tests and for the demonstration without root: a link with two ends. The shard's end is an ordinary
// queue; at the far end a test pushes and pulls. In between, a seeded link loses, duplicates, delays and reorders, on a clock that
// only moves when told to, so that every run of a test is the same run.

import { PACKET_SIZE, type PacketBatch, Verdict } from '../base/batch.ts';
import { DropReason } from '../base/drop-reason.ts';
import { ENDPOINT_WORDS, EndpointWord } from '../base/endpoint.ts';
import type { Random } from '../base/random.ts';
import { after, type Clock, type Duration, type Instant, type ManualClock, milliseconds, NEVER } from '../base/time.ts';
import type { DatagramQueue, PacketQueue, Waiter } from './queue.ts';

/** What a link does to what it carries, each way. */
export interface Impairment {
  /** Share that vanishes, 0 to 1. */
  readonly loss: number;
  /** Share that arrives twice, 0 to 1. */
  readonly duplication: number;
  /** How long everything takes. */
  readonly delay: Duration;
  /** Up to how much longer one may take than another, which reorders them. */
  readonly jitter: Duration;
}

/** A link that carries everything at once and in order. */
export const PERFECT: Impairment = { loss: 0, duplication: 0, delay: milliseconds(0), jitter: milliseconds(0) };

/** The circumstances of a link. */
export interface LinkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly impairment?: Impairment;
}

/** A datagram or packet with, if it is a datagram, one row of words that name its endpoint. */
export interface Carried {
  readonly bytes: Uint8Array;
  readonly endpoint: Uint32Array;
}

const NO_ENDPOINT = new Uint32Array(ENDPOINT_WORDS);

/** One direction of a link. */
class Channel {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #impairment: Impairment;
  readonly #carried: { readonly due: Instant; readonly item: Carried }[] = [];

  constructor({ clock, random, impairment = PERFECT }: LinkOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#impairment = impairment;
  }

  /** When the next item arrives. */
  get due(): Instant {
    return this.#carried[0]?.due ?? NEVER;
  }

  put(bytes: Uint8Array, endpoint: Uint32Array): void {
    const { loss, duplication } = this.#impairment;
    if (this.#share() < loss) return;
    const copies = this.#share() < duplication ? 2 : 1;
    for (let n = 0; n < copies; n++) this.#schedule({ bytes: bytes.slice(), endpoint: endpoint.slice() });
  }

  take(): Carried | undefined {
    return this.due <= this.#clock.now() ? this.#carried.shift()?.item : undefined;
  }

  /** Items are kept in the order they arrive; equal times keep the order they left. */
  #schedule(item: Carried): void {
    const { delay, jitter } = this.#impairment;
    const due = after(this.#clock.now(), milliseconds(delay + this.#share() * jitter));
    let at = this.#carried.length;
    while (at > 0 && this.#carried[at - 1]!.due > due) at--;
    this.#carried.splice(at, 0, { due, item });
  }

  #share(): number {
    return this.#random.uint32() / 4_294_967_296;
  }
}

/** A link that carries datagrams between a shard's socket and clients. */
export class DatagramLink implements DatagramQueue {
  readonly #socket: number;
  readonly #in: Channel;
  readonly #out: Channel;

  /** `socket` is the number of the shard's socket. */
  constructor(socket: number, options: LinkOptions) {
    this.#socket = socket;
    this.#in = new Channel(options);
    this.#out = new Channel(options);
  }

  /** Far end: a client sends `datagram`; `endpoint` is one row of words, of which the socket is set here. */
  push(datagram: Uint8Array, endpoint: Uint32Array): void {
    const row = endpoint.slice();
    row[EndpointWord.socket] = this.#socket;
    this.#in.put(datagram, row);
  }

  /** Far end: the next datagram that arrived, with the endpoint it was sent to. */
  pull(): Carried | undefined {
    return this.#out.take();
  }

  /** When something next arrives at either end. */
  get due(): Instant {
    return this.#in.due < this.#out.due ? this.#in.due : this.#out.due;
  }

  receive(b: PacketBatch): number {
    return receiveFrom(this.#in, b);
  }

  send(b: PacketBatch): void {
    for (let i = 0; i < b.count; i++) {
      const row = i * ENDPOINT_WORDS;
      if (b.verdict[i] !== Verdict.client || b.endpoint[row + EndpointWord.socket] !== this.#socket) continue;
      this.#out.put(b.arena.bytes.subarray(b.at[i], b.end[i]), b.endpoint.subarray(row, row + ENDPOINT_WORDS));
    }
  }
}

/** A link that carries IPv4 packets between a shard and the Internet. */
export class PacketLink implements PacketQueue {
  readonly #in: Channel;
  readonly #out: Channel;

  constructor(options: LinkOptions) {
    this.#in = new Channel(options);
    this.#out = new Channel(options);
  }

  /** Far end: the Internet sends `packet`. */
  push(packet: Uint8Array): void {
    this.#in.put(packet, NO_ENDPOINT);
  }

  /** Far end: the next packet that arrived. */
  pull(): Uint8Array | undefined {
    return this.#out.take()?.bytes;
  }

  /** When something next arrives at either end. */
  get due(): Instant {
    return this.#in.due < this.#out.due ? this.#in.due : this.#out.due;
  }

  receive(b: PacketBatch): number {
    return receiveFrom(this.#in, b);
  }

  send(b: PacketBatch): void {
    for (let i = 0; i < b.count; i++) {
      if (b.verdict[i] !== Verdict.external) continue;
      this.#out.put(b.arena.bytes.subarray(b.at[i], b.end[i]), NO_ENDPOINT);
    }
  }
}

/** Waits by moving the clock to when one of the links has something, or to the end of the wait. */
export class ManualWaiter implements Waiter {
  readonly #clock: ManualClock;
  readonly #links: readonly { readonly due: Instant }[];

  constructor(clock: ManualClock, links: readonly { readonly due: Instant }[]) {
    this.#clock = clock;
    this.#links = links;
  }

  wait(atMost: Duration): void {
    const now = this.#clock.now();
    let span: number = atMost;
    for (const link of this.#links) span = Math.min(span, link.due - now);
    if (span > 0 && span < NEVER) this.#clock.advance(milliseconds(span));
  }
}

const receiveFrom = (channel: Channel, b: PacketBatch): number => {
  const first = b.count;
  while (b.count < b.capacity) {
    const item = channel.take();
    if (item === undefined) break;
    const length = Math.min(item.bytes.length, PACKET_SIZE);
    b.arena.bytes.set(item.bytes.subarray(0, length), b.slot(b.count));
    const i = b.accept(length);
    b.endpoint.set(item.endpoint, i * ENDPOINT_WORDS);
    if (item.bytes.length > PACKET_SIZE) b.drop(i, DropReason.satpTruncated);
  }
  return b.count - first;
};
