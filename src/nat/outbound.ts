// From clients to the Internet. Each stage goes over the whole batch, so that the cache misses of its packets overlap; a row that a
// packet found stays that row until the batch ends, because closed rows rest. A destination of our own pool is a hairpin: translated
// as any other packet, then taken in as if it came from the Internet.

import { NO_CLIENT, type PacketBatch, Verdict } from '../base/batch.ts';
import { Cell } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { Direction, Protocol } from '../base/protocol.ts';
import type { Instant } from '../base/time.ts';
import { IcmpType } from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { TimeoutClass } from './expiry.ts';
import type { IcmpErrors } from './icmp-error.ts';
import type { IcmpOrigin } from './icmp-origin.ts';
import type { Inbound } from './inbound.ts';
import type { NatState } from './nat-state.ts';
import { ipv4At, Kind, PARSED, PacketColumns } from './packet-columns.ts';
import { NO_ADDRESS } from './port-pool.ts';
import { rewriteLocal } from './rewrite.ts';
import { NO_ROW } from './row-lists.ts';
import { isOpening } from './tcp-state.ts';

const PROTOCOLS = 3;

/** Translates sources. */
export class Outbound {
  readonly #state: NatState;
  readonly #inbound: Inbound;
  readonly #errors: IcmpErrors;
  readonly #origin: IcmpOrigin;
  readonly #columns: PacketColumns = new PacketColumns();

  constructor(state: NatState, inbound: Inbound, errors: IcmpErrors, origin: IcmpOrigin) {
    this.#state = state;
    this.#inbound = inbound;
    this.#errors = errors;
    this.#origin = origin;
  }

  /** Decides every pending packet of `b` that a client sent: whole IPv4 packets, exactly from `at` to `end`, from the client's addresses. */
  translate(b: PacketBatch, now: Instant): void {
    this.#columns.fit(b.capacity);
    this.#inbound.fit(b.capacity);
    for (let i = 0; i < b.count; i++) this.#parse(b, i, now);
    for (let i = 0; i < b.count; i++) this.#find(i);
    for (let i = 0; i < b.count; i++) this.#load(i);
    for (let i = 0; i < b.count; i++) this.#rewrite(b, i, now);
  }

  #parse(b: PacketBatch, i: number, now: Instant): void {
    const c = this.#columns;
    c.kind[i] = Kind.none;
    if (b.verdict[i] !== Verdict.pending || b.client[i] === NO_CLIENT) return;
    // The host's kernel takes one off on the way out and would answer for us, from an address that is not the gateway's.
    if (ipv4.ttl(b.arena.view, ipv4At(b, i)) <= 1) {
      this.#origin.timeExceeded(b, i, now);
      return;
    }
    const refused = c.parse(b, i, Direction.outbound);
    if (refused !== PARSED) {
      c.kind[i] = Kind.none;
      b.drop(i, refused);
      return;
    }
    c.home[i] = this.#state.sessions.internalHome(c.local[i]!, c.remote[i]!, c.ports[i]!, c.protocol[i]!);
  }

  #find(i: number): void {
    const c = this.#columns;
    if (c.kind[i] !== Kind.query) return;
    const { sessions } = this.#state;
    c.row[i] = sessions.findInternal(c.home[i]!, c.local[i]!, c.remote[i]!, c.ports[i]!, c.protocol[i]!);
  }

  #load(i: number): void {
    const c = this.#columns;
    if (c.kind[i] !== Kind.query || c.row[i] === NO_ROW) return;
    const { sessions } = this.#state;
    const row = c.row[i]!;
    c.toAddress[i] = sessions.externalAddress(row);
    c.toPort[i] = sessions.externalPort(row);
    c.toClient[i] = sessions.client(row);
    c.deltas[i] = sessions.deltas(row);
  }

  #rewrite(b: PacketBatch, i: number, now: Instant): void {
    const c = this.#columns;
    const kind = c.kind[i];
    if (kind === Kind.none) return;
    let isHairpin: boolean;
    if (kind === Kind.icmpError) {
      if (!this.#errors.translate(b, i, c.transport[i]!, Direction.outbound)) return;
      isHairpin = this.#state.ports.indexOf(c.remoteAddress(i)) !== NO_ADDRESS;
    } else if (c.protocol[i] === Protocol.icmp && c.detail[i] === IcmpType.echoReply) {
      if (!this.#reply(b, i)) return;
      isHairpin = this.#state.ports.indexOf(c.remoteAddress(i)) !== NO_ADDRESS;
    } else {
      if (!this.#pass(b, i, now)) return;
      isHairpin = this.#state.sessions.isHairpin(c.row[i]!);
    }
    const protocol = c.protocol[i]!;
    const { counters } = this.#state;
    counters[Cell.relayPackets + Direction.outbound * PROTOCOLS + protocol]!++;
    counters[Cell.relayBytes + Direction.outbound * PROTOCOLS + protocol]! += b.end[i]! - b.at[i]!;
    if (isHairpin) this.#inbound.deliver(b, i, now);
    else b.verdict[i] = Verdict.external;
  }

  /** Translates a packet by its session, which it may open. */
  #pass(b: PacketBatch, i: number, now: Instant): boolean {
    const c = this.#columns;
    const s = this.#state;
    const protocol = c.protocol[i]! as Protocol;
    if (c.row[i] === NO_ROW && !this.#open(b, i, now)) return false;
    const row = c.row[i]!;
    if (c.toClient[i] !== b.client[i]) {
      b.drop(i, DropReason.innerSourceSpoofed);
      return false;
    }
    if (protocol === Protocol.tcp) s.advance(row, c.detail[i]!, Direction.outbound, now);
    else s.expiry.refresh(row, protocol === Protocol.udp ? TimeoutClass.udp : TimeoutClass.icmp, now);
    rewriteLocal(b, c, i, Direction.outbound);
    return true;
  }

  #open(b: PacketBatch, i: number, now: Instant): boolean {
    const c = this.#columns;
    const s = this.#state;
    const protocol = c.protocol[i]! as Protocol;
    // Packets of one session may come in one batch, all found missing before the first of them opened it.
    this.#find(i);
    if (c.row[i] === NO_ROW) {
      if (protocol === Protocol.tcp && !isOpening(c.detail[i]!)) {
        b.drop(i, DropReason.natNotSyn);
        return false;
      }
      c.row[i] = s.openOutbound(c, i, b.client[i]!, now);
      if (c.row[i] === NO_ROW) {
        b.drop(i, s.refusal);
        return false;
      }
    }
    this.#load(i);
    return true;
  }

  /**
   * Translates an echo reply: by the mapping of its id alone. It answers somebody else's request, so it opens and refreshes nothing
   * (RFC 7857 §7.1 in spirit).
   */
  #reply(b: PacketBatch, i: number): boolean {
    const c = this.#columns;
    const m = this.#state.mappings;
    const mapping = m.find(Protocol.icmp, c.localAddress(i), c.localPort(i));
    if (mapping === NO_ROW || m.client(mapping) !== b.client[i]) {
      b.drop(i, DropReason.natUnmapped);
      return false;
    }
    c.toAddress[i] = m.externalAddress(mapping);
    c.toPort[i] = m.externalPort(mapping);
    c.deltas[i] = m.deltas(mapping);
    rewriteLocal(b, c, i, Direction.outbound);
    return true;
  }
}
