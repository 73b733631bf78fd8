// What parsing learned about each packet of a batch, kept in columns between the stages. "Local" is the endpoint that this NAT
// translates: the internal one of an outbound packet (its source), the external one of an inbound packet (its destination).
// Addresses and port pairs are int32 words, the form in which the indexes want them.

import type { PacketBatch } from '../base/batch.ts';
import { DropReason } from '../base/drop-reason.ts';
import { Direction, IpProtocol, Protocol } from '../base/protocol.ts';
import { type Ip4, type Port, port } from '../wire/addr.ts';
import * as icmp4 from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';

/** What later stages have to do with a packet. */
export const Kind = {
  /** Nothing: somebody else's packet, or one that is decided. */
  none: 0,
  /** Translate it by session or mapping. */
  query: 1,
  /** Translate the packet that it quotes as well. */
  icmpError: 2,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** The packet was parsed, and no reason to drop it was found. */
export const PARSED = -1;

/** Columns for one direction; entries mean anything only for kinds other than `none`. */
export class PacketColumns {
  kind: Uint8Array = new Uint8Array(0);
  protocol: Uint8Array = new Uint8Array(0);
  /** Offset of the transport header that `protocol` names, proved by its `check`. */
  transport: Int32Array = new Int32Array(0);
  local: Int32Array = new Int32Array(0);
  remote: Int32Array = new Int32Array(0);
  /** Local port (or query id) << 16 | remote port; queries have no remote port. */
  ports: Int32Array = new Int32Array(0);
  /** TCP flags, or the ICMP type. */
  detail: Uint8Array = new Uint8Array(0);
  /** Where the session index is searched from. */
  home: Int32Array = new Int32Array(0);
  /** Session row. */
  row: Int32Array = new Int32Array(0);
  /** The endpoint that takes the place of the local one, and whose it is: read early, so that the rows of a batch come together. */
  toAddress: Int32Array = new Int32Array(0);
  toPort: Uint16Array = new Uint16Array(0);
  toClient: Int32Array = new Int32Array(0);
  /** Deltas of that change: address << 16 | transport. */
  deltas: Int32Array = new Int32Array(0);

  /** Makes room for batches of `capacity`; allocates only when a batch is larger than any before. */
  fit(capacity: number): void {
    if (this.kind.length >= capacity) return;
    this.kind = new Uint8Array(capacity);
    this.protocol = new Uint8Array(capacity);
    this.transport = new Int32Array(capacity);
    this.local = new Int32Array(capacity);
    this.remote = new Int32Array(capacity);
    this.ports = new Int32Array(capacity);
    this.detail = new Uint8Array(capacity);
    this.home = new Int32Array(capacity);
    this.row = new Int32Array(capacity);
    this.toAddress = new Int32Array(capacity);
    this.toPort = new Uint16Array(capacity);
    this.toClient = new Int32Array(capacity);
    this.deltas = new Int32Array(capacity);
  }

  /** Parses the transport header of the whole IPv4 packet in slot `i`; returns {@link PARSED} or why it must be dropped. */
  parse(b: PacketBatch, i: number, direction: Direction): DropReason | typeof PARSED {
    const pkt = b.arena.view;
    const at = ipv4At(b, i);
    const end = b.end[i]!;
    // Fragments carry ports in the first of them only.
    if (ipv4.isFragment(pkt, at)) return DropReason.natFragment;
    const src = ipv4.src(pkt, at);
    const dst = ipv4.dst(pkt, at);
    const outbound = direction === Direction.outbound;
    this.local[i] = outbound ? src : dst;
    this.remote[i] = outbound ? dst : src;
    switch (ipv4.protocol(pkt, at)) {
      case IpProtocol.udp: {
        const l4 = udp.check(pkt, ipv4.payloadAt(pkt, at), end);
        if (l4 === malformed) return DropReason.natMalformed;
        this.#set(i, Kind.query, Protocol.udp, l4, 0);
        this.#setPorts(i, udp.srcPort(pkt, l4), udp.dstPort(pkt, l4), outbound);
        return PARSED;
      }
      case IpProtocol.tcp: {
        const l4 = tcp.check(pkt, ipv4.payloadAt(pkt, at), end);
        if (l4 === malformed) return DropReason.natMalformed;
        this.#set(i, Kind.query, Protocol.tcp, l4, tcp.flags(pkt, l4));
        this.#setPorts(i, tcp.srcPort(pkt, l4), tcp.dstPort(pkt, l4), outbound);
        return PARSED;
      }
      case IpProtocol.icmp: {
        const l4 = icmp4.check(pkt, ipv4.payloadAt(pkt, at), end);
        if (l4 === malformed) return DropReason.natIcmpMalformed;
        const type = icmp4.type(pkt, l4);
        this.#set(i, icmp4.isEcho(type) ? Kind.query : Kind.icmpError, Protocol.icmp, l4, type);
        this.ports[i] = icmp4.echoId(pkt, l4) << 16;
        return icmp4.isEcho(type) || isTranslatable(type) ? PARSED : DropReason.natIcmpUnsupported;
      }
      default:
        return DropReason.natUnsupportedProtocol;
    }
  }

  /** The 32 bits as a signed word: V8 would box an unsigned one wherever it does not inline the call that takes it. */
  localAddress(i: number): Ip4 {
    return this.local[i]! as Ip4;
  }

  localPort(i: number): Port {
    return port(this.ports[i]! >>> 16);
  }

  /** A signed word, as {@link localAddress}. */
  remoteAddress(i: number): Ip4 {
    return this.remote[i]! as Ip4;
  }

  remotePort(i: number): Port {
    return port(this.ports[i]!);
  }

  #set(i: number, kind: Kind, protocol: Protocol, l4: number, detail: number): void {
    this.kind[i] = kind;
    this.protocol[i] = protocol;
    this.transport[i] = l4;
    this.detail[i] = detail;
  }

  #setPorts(i: number, src: Port, dst: Port, outbound: boolean): void {
    this.ports[i] = outbound ? (src << 16) | dst : (dst << 16) | src;
  }
}

/** Errors that the NAT translates (RFC 5508 REQ-10); source quench and redirect are not for hosts behind a NAT (RFC 6633). */
const isTranslatable = (type: number): boolean =>
  type === icmp4.IcmpType.destinationUnreachable ||
  type === icmp4.IcmpType.timeExceeded ||
  type === icmp4.IcmpType.parameterProblem;

/** The offset of the packet in slot `i`, which an earlier stage proved to be whole IPv4. */
export const ipv4At = (b: PacketBatch, i: number): ipv4.Ipv4At => b.at[i]! as ipv4.Ipv4At;
