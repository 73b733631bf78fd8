// The translation of ICMP errors (RFC 5508 §4). An error quotes a packet of a session as it looked beyond the NAT; the host that sent
// that packet must find it as it sent it. The quote runs against the error: what was local to the quoted packet's sender is its
// source in an inbound error and its destination in an outbound one. No error refreshes or closes anything (RFC 5508 REQ-6,
// RFC 4787 REQ-12), and none is filtered by where it comes from (RFC 4787 REQ-12a).

import type { PacketBatch } from '../base/batch.ts';
import { Cell } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { Direction, IpProtocol, Protocol } from '../base/protocol.ts';
import { type Ip4, ip4, type Port, port } from '../wire/addr.ts';
import { deltaOf32 } from '../wire/checksum.ts';
import * as icmp4 from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import type { NatState } from './nat-state.ts';
import { ipv4At, PARSED } from './packet-columns.ts';
import { NO_ADDRESS } from './port-pool.ts';
import { rewriteQuoted } from './rewrite.ts';
import { NO_ROW } from './row-lists.ts';

/** Translates the errors of both directions; holds what it learned about the one packet in hand. */
export class IcmpErrors {
  readonly #state: NatState;
  #quoted: ipv4.Ipv4At = 0 as ipv4.Ipv4At;
  #transport = 0;
  #protocol: Protocol = Protocol.udp;
  #srcPort = 0;
  #dstPort = 0;

  constructor(state: NatState) {
    this.#state = state;
  }

  /**
   * Translates the error at `transport` of the packet in slot `i`, of a type that is translatable, and sets `b.client[i]` if it is
   * inbound. Returns whether it did; if not, the packet is dropped.
   */
  translate(b: PacketBatch, i: number, transport: number, direction: Direction): boolean {
    const pkt = b.arena.view;
    const at = ipv4At(b, i);
    const icmp = transport as icmp4.IcmpAt;
    const end = b.end[i]!;
    const refused = this.#parse(pkt, icmp, end);
    if (refused !== PARSED) {
      b.drop(i, refused);
      return false;
    }
    const outbound = direction === Direction.outbound;
    const mapping = outbound ? this.#findOutbound(pkt, b.client[i]!) : this.#findInbound(pkt, ipv4.dst(pkt, at));
    if (mapping === NO_ROW) {
      b.drop(i, this.#state.refusal);
      return false;
    }
    const m = this.#state.mappings;
    const external = m.externalAddress(mapping);
    if (outbound) {
      const deltas = m.deltas(mapping);
      rewriteQuoted(
        pkt,
        this.#quoted,
        this.#transport,
        end,
        this.#protocol,
        external,
        m.externalPort(mapping),
        deltas,
        direction,
      );
      // Whoever it was behind the NAT that noticed, outside the NAT's address speaks for it (RFC 5508 REQ-5).
      ipv4.rewriteSrc(pkt, at, external, deltaOf32(ipv4.src(pkt, at), external));
    } else {
      const internal = m.internalAddress(mapping);
      const deltas = ~m.deltas(mapping);
      rewriteQuoted(
        pkt,
        this.#quoted,
        this.#transport,
        end,
        this.#protocol,
        internal,
        m.internalPort(mapping),
        deltas,
        direction,
      );
      ipv4.rewriteDst(pkt, at, internal, deltaOf32(external, internal));
      b.client[i] = m.client(mapping);
    }
    // The message was whole, so a checksum over what it is now vouches for nothing that was not there; extensions behind the quote
    // (RFC 4884) are covered as any other octets.
    icmp4.refreshChecksum(pkt, icmp, end);
    this.#state.counters[Cell.icmpErrorsTranslated + direction]!++;
    return true;
  }

  /** Checks the error and reads what it quotes (RFC 5508 REQ-3): options are skipped, quoted transport checksums not verified. */
  #parse(pkt: DataView, icmp: icmp4.IcmpAt, end: number): DropReason | typeof PARSED {
    if (!icmp4.isChecksumRight(pkt, icmp, end)) return DropReason.natIcmpMalformed;
    const quoted = ipv4.checkEmbedded(pkt, icmp4.embeddedAt(icmp), end);
    if (quoted === malformed) return DropReason.natIcmpMalformed;
    if (ipv4.fragmentOffset(pkt, quoted) !== 0) return DropReason.natFragment;
    this.#quoted = quoted;
    const at = ipv4.payloadAt(pkt, quoted);
    this.#transport = at;
    switch (ipv4.protocol(pkt, quoted)) {
      case IpProtocol.udp: {
        const l4 = udp.checkEmbedded(pkt, at, end);
        if (l4 === malformed) return DropReason.natIcmpMalformed;
        this.#protocol = Protocol.udp;
        this.#srcPort = udp.srcPort(pkt, l4);
        this.#dstPort = udp.dstPort(pkt, l4);
        return PARSED;
      }
      case IpProtocol.tcp: {
        const l4 = tcp.checkEmbedded(pkt, at, end);
        if (l4 === malformed) return DropReason.natIcmpMalformed;
        this.#protocol = Protocol.tcp;
        this.#srcPort = tcp.srcPort(pkt, l4);
        this.#dstPort = tcp.dstPort(pkt, l4);
        return PARSED;
      }
      case IpProtocol.icmp: {
        const l4 = icmp4.check(pkt, at, end);
        if (l4 === malformed) return DropReason.natIcmpMalformed;
        if (!icmp4.isEcho(icmp4.type(pkt, l4))) return DropReason.natIcmpUnsupported;
        this.#protocol = Protocol.icmp;
        this.#srcPort = icmp4.echoId(pkt, l4);
        this.#dstPort = this.#srcPort;
        return PARSED;
      }
      default:
        return DropReason.natUnsupportedProtocol;
    }
  }

  /** The mapping of the quoted source, an external endpoint; it must be the mapping's own traffic that the error is about. */
  #findInbound(pkt: DataView, outerDst: Ip4): number {
    const s = this.#state;
    const local = ipv4.src(pkt, this.#quoted);
    const index = s.ports.indexOf(local);
    if (local !== outerDst) return this.#refuse(DropReason.natIcmpMalformed);
    if (index === NO_ADDRESS) return this.#refuse(DropReason.natUnmapped);
    const mapping = s.ports.ownerOf(index, this.#protocol, this.#srcPort);
    if (mapping === NO_ROW) return this.#refuse(DropReason.natUnmapped);
    const remote = ipv4.dst(pkt, this.#quoted);
    const remotePort = this.#remotePort(this.#dstPort);
    const key = (this.#srcPort << 16) | remotePort;
    const home = s.sessions.externalHome(local | 0, remote | 0, key, this.#protocol);
    if (s.sessions.findExternal(home, local | 0, remote | 0, key, this.#protocol) !== NO_ROW) return mapping;
    return s.mayEnter(mapping, this.#protocol, remote) ? mapping : this.#refuse(DropReason.natFiltered);
  }

  /** The mapping of the quoted destination, an internal endpoint of `client`. */
  #findOutbound(pkt: DataView, client: number): number {
    const s = this.#state;
    const local: Ip4 = ip4(ipv4.dst(pkt, this.#quoted));
    const localPort: Port = port(this.#dstPort);
    const mapping = s.mappings.find(this.#protocol, local, localPort);
    if (mapping === NO_ROW || s.mappings.client(mapping) !== client) return this.#refuse(DropReason.natUnmapped);
    return mapping;
  }

  #remotePort(p: number): number {
    return this.#protocol === Protocol.icmp ? 0 : p;
  }

  #refuse(reason: DropReason): number {
    this.#state.refusal = reason;
    return NO_ROW;
  }
}
