// ICMP errors that the gateway itself sends to clients, made in place: the packet in the slot becomes the quote, and the headers go
// into the headroom before it. RFC 1812 §4.3.2 says what may be answered, how much is quoted, and that the rate is limited.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { Cell, type Counters, IcmpGenerated } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { IpProtocol } from '../base/protocol.ts';
import type { Instant } from '../base/time.ts';
import type { Ip4 } from '../wire/addr.ts';
import * as icmp4 from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';
import { ipv4At } from './packet-columns.ts';
import { TokenBuckets } from './token-bucket.ts';

/** RFC 1812 §4.3.2.3: as much of the original as fits in a datagram of this size. */
const ERROR_MAX = 576;
const HEADERS = ipv4.HEADER_MIN + icmp4.HEADER;
/** Precedence "internetwork control" (RFC 1812 §4.3.2.5). */
const TOS = 0xc0;
const TTL = 64;

/** Errors a second, and at once, to one client (RFC 1812 §4.3.2.8): enough for several traceroutes with parallel probes. */
const ERRORS_PER_SECOND = 50;
const ERRORS_AT_ONCE = 50;

const MULTICAST = 0xe0;
const LOOPBACK = 127;

/** Makes ICMP errors about clients' packets. */
export class IcmpOrigin {
  readonly #counters: Counters;
  readonly #allowance: TokenBuckets;
  #source: Ip4;

  constructor(source: Ip4, clients: number, counters: Counters) {
    this.#source = source;
    this.#counters = counters;
    this.#allowance = new TokenBuckets(clients, ERRORS_PER_SECOND, ERRORS_AT_ONCE);
  }

  /** Changes the address that errors come from. */
  adjust(source: Ip4): void {
    this.#source = source;
  }

  /** Refuses the client's packet in slot `i`, whose time to live is over, and answers it if that is allowed (RFC 1812 §5.3.1). */
  timeExceeded(b: PacketBatch, i: number, now: Instant): void {
    b.drop(i, DropReason.natTtlExpired);
    if (!mayBeAnswered(b.arena.view, ipv4At(b, i), b.end[i]!)) return;
    const client = b.client[i]!;
    if (!this.#allowance.has(client, now)) {
      this.#counters[Cell.icmpSuppressed]!++;
      return;
    }
    this.#allowance.take(client, now);
    this.#wrap(b, i, icmp4.IcmpType.timeExceeded, 0, 0);
    this.#counters[Cell.icmpGenerated + IcmpGenerated.timeExceeded]!++;
  }

  /** Turns the packet in slot `i` into an error about itself, for the client that sent it. */
  #wrap(b: PacketBatch, i: number, type: number, code: number, word: number): void {
    const pkt = b.arena.view;
    const original = ipv4At(b, i);
    const sender = ipv4.src(pkt, original);
    const at = original - HEADERS;
    const end = Math.min(b.end[i]!, at + ERROR_MAX);
    icmp4.emitError(pkt, at + ipv4.HEADER_MIN, end, type, code, word);
    ipv4.emit(pkt, at, end - at, TOS, TTL, IpProtocol.icmp, this.#source, sender);
    b.at[i] = at;
    b.end[i] = end;
    b.verdict[i] = Verdict.client;
  }
}

/**
 * Whether RFC 1812 §4.3.2.7 lets the packet be answered by an error: it is no ICMP error, no fragment but the first, and neither
 * from nor to an address that does not name one host.
 */
const mayBeAnswered = (pkt: DataView, at: ipv4.Ipv4At, end: number): boolean => {
  const source = ipv4.src(pkt, at) >>> 24;
  if (source === 0 || source === LOOPBACK || source >= MULTICAST) return false;
  if (ipv4.dst(pkt, at) >>> 24 >= MULTICAST || ipv4.fragmentOffset(pkt, at) !== 0) return false;
  if (ipv4.protocol(pkt, at) !== IpProtocol.icmp) return true;
  const icmp = icmp4.check(pkt, ipv4.payloadAt(pkt, at), end);
  return icmp !== malformed && !icmp4.isError(icmp4.type(pkt, icmp));
};
