// A batch: the packets that one wake-up brought, in fixed slots of one arena, with a column for everything the stages learn
// about them. A stage looks only at packets that are still `pending`; whoever decides a packet's fate sets its verdict.

import { Arena } from './arena.ts';
import type { DropReason } from './drop-reason.ts';
import { ENDPOINT_WORDS } from './endpoint.ts';

/** What becomes of a packet. */
export const Verdict = {
  /** A stage has yet to decide. */
  pending: 0,
  /** Refused and counted, see {@link PacketBatch.drop}. */
  drop: 1,
  /** An IPv4 packet to be written to the TUN device. */
  external: 2,
  /** An inner packet to be sealed for the client in `client[i]`, then a datagram to be sent to `endpoint` row i. */
  client: 3,
  /** Served here; nothing leaves. */
  consumed: 4,
  /**
   * As `client`, but for the endpoint that already stands in `endpoint` row i, which need not be the client's: an inner-echo
   * challenge. Becomes `client` when it is sealed.
   */
  challenge: 5,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Octets before each packet that stages may grow into: SATP header, an ICMP error's headers, the HMAC's inner pad. */
export const HEADROOM = 128;
/** Octets of the largest datagram or packet a slot takes. */
export const PACKET_SIZE = 2048;
/** Octets behind each packet that stages may grow into: the auth tag. */
export const TAILROOM = 64;
/** Octets from one slot to the next. */
export const SLOT_SIZE: number = HEADROOM + PACKET_SIZE + TAILROOM;

/** No client. */
export const NO_CLIENT = -1;

/** Packets handled together. Columns are indexed by slot; only the first `count` entries mean anything. */
export class PacketBatch {
  readonly capacity: number;
  readonly arena: Arena;
  /** How many packets the batch holds. */
  count = 0;
  /** Offset of the packet's first octet: the datagram's until it is opened, then the inner packet's. */
  readonly at: Int32Array;
  /** Offset behind the packet's last octet. */
  readonly end: Int32Array;
  readonly verdict: Uint8Array;
  /** Row of the client the packet came from or goes to; {@link NO_CLIENT} until known. */
  readonly client: Int32Array;
  /** Where a datagram came from, and for verdict `client` where it goes: {@link ENDPOINT_WORDS} words a slot. */
  readonly endpoint: Uint32Array;
  /** Counter cells of this batch's direction, one a {@link DropReason}. */
  readonly drops: Float64Array;

  constructor(capacity: number, drops: Float64Array) {
    this.capacity = capacity;
    this.arena = new Arena(capacity * SLOT_SIZE);
    this.at = new Int32Array(capacity);
    this.end = new Int32Array(capacity);
    this.verdict = new Uint8Array(capacity);
    this.client = new Int32Array(capacity);
    this.endpoint = new Uint32Array(capacity * ENDPOINT_WORDS);
    this.drops = drops;
  }

  /** Offset at which a received packet of slot `i` begins, {@link HEADROOM} octets into the slot. */
  slot(i: number): number {
    return i * SLOT_SIZE + HEADROOM;
  }

  /** Empties the batch. */
  clear(): void {
    this.count = 0;
  }

  /** Takes a packet of `length` octets that was just placed at {@link slot} `count`, and returns its index. */
  accept(length: number): number {
    const i = this.count++;
    this.at[i] = i * SLOT_SIZE + HEADROOM;
    this.end[i] = i * SLOT_SIZE + HEADROOM + length;
    this.verdict[i] = Verdict.pending;
    this.client[i] = NO_CLIENT;
    return i;
  }

  /** Refuses packet `i` and counts why, in one step: no packet vanishes unseen. */
  drop(i: number, reason: DropReason): void {
    this.drops[reason]!++;
    this.verdict[i] = Verdict.drop;
  }
}
