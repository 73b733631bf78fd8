// From the Internet to clients, and the second half of a hairpin. A packet goes in by its session; without one, by its mapping if the
// filtering behavior lets the remote endpoint in. Such packets of UDP and ICMP leave no trace: only the client's own answer makes a
// session, so strangers can neither fill the table nor keep a mapping alive (RFC 4787 §4.3 REQ-6, RFC 7857 §7).

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { Cell } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { Direction, Protocol } from '../base/protocol.ts';
import type { Instant } from '../base/time.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';
import type { IcmpErrors } from './icmp-error.ts';
import type { NatState } from './nat-state.ts';
import { ipv4At, Kind, PARSED, PacketColumns } from './packet-columns.ts';
import { NO_ADDRESS } from './port-pool.ts';
import { rewriteLocal } from './rewrite.ts';
import { NO_ROW } from './row-lists.ts';
import { isOpening } from './tcp-state.ts';

const PROTOCOLS = 3;

/** Translates destinations. */
export class Inbound {
  readonly #state: NatState;
  readonly #errors: IcmpErrors;
  readonly #columns: PacketColumns = new PacketColumns();

  constructor(state: NatState, errors: IcmpErrors) {
    this.#state = state;
    this.#errors = errors;
  }

  /** Makes room for batches of `capacity`. */
  fit(capacity: number): void {
    this.#columns.fit(capacity);
  }

  /** Decides every pending packet of `b`: raw IPv4 packets from the Internet. */
  translate(b: PacketBatch, now: Instant): void {
    this.#columns.fit(b.capacity);
    for (let i = 0; i < b.count; i++) this.#parse(b, i);
    for (let i = 0; i < b.count; i++) this.#find(i);
    for (let i = 0; i < b.count; i++) this.#load(i);
    for (let i = 0; i < b.count; i++) this.#rewrite(b, i, now, false);
  }

  /** Takes in the packet of slot `i`, whose source is an external endpoint by now: a hairpin (RFC 4787 §6 REQ-9). */
  deliver(b: PacketBatch, i: number, now: Instant): void {
    this.#columns.kind[i] = Kind.none;
    const refused = this.#columns.parse(b, i, Direction.inbound);
    if (refused !== PARSED) {
      b.drop(i, refused);
      return;
    }
    this.#search(i);
    this.#load(i);
    this.#rewrite(b, i, now, true);
  }

  #parse(b: PacketBatch, i: number): void {
    const c = this.#columns;
    c.kind[i] = Kind.none;
    if (b.verdict[i] !== Verdict.pending) return;
    const pkt = b.arena.view;
    const at = ipv4.check(pkt, b.at[i]!, b.end[i]!);
    if (at === malformed) {
      const isIpv6 = b.end[i]! > b.at[i]! && pkt.getUint8(b.at[i]!) >>> 4 === 6;
      b.drop(i, isIpv6 ? DropReason.innerUnsupported : DropReason.innerMalformed);
      return;
    }
    b.end[i] = ipv4.endOf(pkt, at);
    const refused = c.parse(b, i, Direction.inbound);
    if (refused !== PARSED) {
      c.kind[i] = Kind.none;
      b.drop(i, refused);
      return;
    }
    c.home[i] = this.#state.sessions.externalHome(c.local[i]!, c.remote[i]!, c.ports[i]!, c.protocol[i]!);
  }

  #find(i: number): void {
    const c = this.#columns;
    if (c.kind[i] !== Kind.query) return;
    c.row[i] = this.#state.sessions.findExternal(c.home[i]!, c.local[i]!, c.remote[i]!, c.ports[i]!, c.protocol[i]!);
  }

  #load(i: number): void {
    const c = this.#columns;
    if (c.kind[i] !== Kind.query || c.row[i] === NO_ROW) return;
    const { sessions } = this.#state;
    const row = c.row[i]!;
    c.toAddress[i] = sessions.internalAddress(row);
    c.toPort[i] = sessions.internalPort(row);
    c.toClient[i] = sessions.client(row);
    c.deltas[i] = ~sessions.deltas(row);
  }

  #rewrite(b: PacketBatch, i: number, now: Instant, isHairpin: boolean): void {
    const c = this.#columns;
    const kind = c.kind[i];
    if (kind === Kind.none) return;
    if (kind === Kind.icmpError) {
      if (!this.#errors.translate(b, i, c.transport[i]!, Direction.inbound)) return;
    } else if (!(c.row[i] === NO_ROW ? this.#admit(b, i, now) : this.#pass(b, i, now))) return;
    const counters = this.#state.counters;
    const protocol = c.protocol[i]!;
    if (isHairpin) {
      // The host's kernel, which takes one off the time to live of every other packet, never sees this one.
      ipv4.decrementTtl(b.arena.view, ipv4At(b, i));
      counters[Cell.natHairpinPackets + protocol]!++;
    } else {
      counters[Cell.relayPackets + Direction.inbound * PROTOCOLS + protocol]!++;
      counters[Cell.relayBytes + Direction.inbound * PROTOCOLS + protocol]! += b.end[i]! - b.at[i]!;
    }
    b.verdict[i] = Verdict.client;
  }

  /** Translates a packet of a session. */
  #pass(b: PacketBatch, i: number, now: Instant): boolean {
    const c = this.#columns;
    if (c.protocol[i] === Protocol.tcp) this.#state.advance(c.row[i]!, c.detail[i]!, Direction.inbound, now);
    this.#rewriteTo(b, i);
    return true;
  }

  /** Translates a packet without a session, if it may come in. */
  #admit(b: PacketBatch, i: number, now: Instant): boolean {
    const c = this.#columns;
    const s = this.#state;
    // Packets of one session may come in one batch, all found missing before the first of them opened it.
    this.#search(i);
    if (c.row[i] !== NO_ROW) {
      this.#load(i);
      return this.#pass(b, i, now);
    }
    const protocol = c.protocol[i]! as Protocol;
    const index = s.ports.indexOf(c.localAddress(i));
    const mapping = index === NO_ADDRESS ? NO_ROW : s.ports.ownerOf(index, protocol, c.localPort(i));
    if (mapping === NO_ROW) return this.#refuse(b, i, DropReason.natUnmapped);
    if (!s.mayEnter(mapping, protocol, c.remoteAddress(i))) return this.#refuse(b, i, DropReason.natFiltered);
    if (protocol === Protocol.tcp) {
      if (!isOpening(c.detail[i]!)) return this.#refuse(b, i, DropReason.natNotSyn);
      const row = s.openInbound(mapping, c, i, now);
      if (row === NO_ROW) return this.#refuse(b, i, s.refusal);
    }
    const m = s.mappings;
    c.toAddress[i] = m.internalAddress(mapping);
    c.toPort[i] = m.internalPort(mapping);
    c.toClient[i] = m.client(mapping);
    c.deltas[i] = ~m.deltas(mapping);
    this.#rewriteTo(b, i);
    return true;
  }

  #rewriteTo(b: PacketBatch, i: number): void {
    rewriteLocal(b, this.#columns, i, Direction.inbound);
    b.client[i] = this.#columns.toClient[i]!;
  }

  #search(i: number): void {
    const c = this.#columns;
    if (c.kind[i] !== Kind.query) return;
    c.home[i] = this.#state.sessions.externalHome(c.local[i]!, c.remote[i]!, c.ports[i]!, c.protocol[i]!);
    this.#find(i);
  }

  #refuse(b: PacketBatch, i: number, reason: DropReason): boolean {
    b.drop(i, reason);
    return false;
  }
}
