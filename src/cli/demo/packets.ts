// IPv4 packets as the scripted hosts of the demonstration write and read them: whole packets in arrays of their own, every checksum
// computed on the way out and verified on the way in. A packet that is not right is an error here, because nothing but the gateway
// can have spoiled it.

import { IpProtocol } from '../../base/protocol.ts';
import { formatIp4, type Ip4 } from '../../wire/addr.ts';
import { checksum, pseudoHeader } from '../../wire/checksum.ts';
import * as icmp4 from '../../wire/icmp4.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { malformed } from '../../wire/malformed.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';

const TTL = 64;
const WINDOW = 65_535;

/** Where a packet comes from and goes to; the ports of an echo are its query id. */
export interface Path {
  readonly src: Ip4;
  readonly srcPort: number;
  readonly dst: Ip4;
  readonly dstPort: number;
}

/** A TCP segment without its ports. */
export interface Segment {
  /** See `TcpFlag`. */
  readonly flags: number;
  /** Uint32. */
  readonly sequence: number;
  /** Uint32; means something with ACK. */
  readonly acknowledgment: number;
  readonly data: Uint8Array;
}

/** What arrived. */
export type Arrival =
  | {
      readonly kind: 'echo';
      readonly path: Path;
      readonly isReply: boolean;
      readonly data: Uint8Array;
      readonly sequence: number;
    }
  | { readonly kind: 'udp'; readonly path: Path; readonly data: Uint8Array }
  | { readonly kind: 'tcp'; readonly path: Path; readonly segment: Segment };

/** The way back. */
export const reversed = (p: Path): Path => ({ src: p.dst, srcPort: p.dstPort, dst: p.src, dstPort: p.srcPort });

const blank = (path: Path, protocol: number, header: number, data: Uint8Array): DataView<ArrayBuffer> => {
  const bytes = new Uint8Array(ipv4.HEADER_MIN + header + data.length);
  const pkt = new DataView(bytes.buffer);
  ipv4.emit(pkt, 0, bytes.length, 0, TTL, protocol, path.src, path.dst);
  pkt.setUint16(ipv4.HEADER_MIN, path.srcPort);
  pkt.setUint16(ipv4.HEADER_MIN + 2, path.dstPort);
  bytes.set(data, ipv4.HEADER_MIN + header);
  return pkt;
};

const octetsOf = (pkt: DataView<ArrayBuffer>): Uint8Array => new Uint8Array(pkt.buffer);

/** The checksum of the transport header and payload, pseudo-header included. */
const transportChecksum = (pkt: DataView, path: Path, protocol: number): number => {
  const at = ipv4.HEADER_MIN;
  return checksum(pkt, at, pkt.byteLength, pseudoHeader(path.src, path.dst, protocol, pkt.byteLength - at));
};

/** An ICMP echo request, or a reply; the query id is `path.srcPort`. */
export const echoPacket = (path: Path, isReply: boolean, sequence: number, data: Uint8Array): Uint8Array => {
  const pkt = blank(path, IpProtocol.icmp, icmp4.HEADER, data);
  const type = isReply ? icmp4.IcmpType.echoReply : icmp4.IcmpType.echoRequest;
  icmp4.emitEcho(pkt, ipv4.HEADER_MIN, pkt.byteLength, type, path.srcPort, sequence);
  return octetsOf(pkt);
};

/** A UDP datagram. */
export const udpPacket = (path: Path, data: Uint8Array): Uint8Array => {
  const pkt = blank(path, IpProtocol.udp, udp.HEADER, data);
  pkt.setUint16(ipv4.HEADER_MIN + 4, udp.HEADER + data.length);
  pkt.setUint16(ipv4.HEADER_MIN + 6, transportChecksum(pkt, path, IpProtocol.udp) || 0xffff);
  return octetsOf(pkt);
};

/** A TCP segment without options. */
export const tcpPacket = (path: Path, segment: Segment): Uint8Array => {
  const pkt = blank(path, IpProtocol.tcp, tcp.HEADER_MIN, segment.data);
  pkt.setUint32(ipv4.HEADER_MIN + 4, segment.sequence);
  pkt.setUint32(ipv4.HEADER_MIN + 8, segment.acknowledgment);
  pkt.setUint8(ipv4.HEADER_MIN + 12, (tcp.HEADER_MIN / 4) << 4);
  pkt.setUint8(ipv4.HEADER_MIN + 13, segment.flags);
  pkt.setUint16(ipv4.HEADER_MIN + 14, WINDOW);
  pkt.setUint16(ipv4.HEADER_MIN + 16, transportChecksum(pkt, path, IpProtocol.tcp));
  return octetsOf(pkt);
};

const refuse = (who: string, what: string): never => {
  throw new Error(`${who} received ${what}`);
};

/** Reads `packet`, which `who` received. Throws if a header or a checksum is wrong. */
export const readPacket = (who: string, packet: Uint8Array): Arrival => {
  const pkt = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const ip = ipv4.check(pkt, 0, packet.length);
  if (ip === malformed) return refuse(who, 'a packet whose IPv4 header is wrong');
  const [src, dst, at, end] = [ipv4.src(pkt, ip), ipv4.dst(pkt, ip), ipv4.payloadAt(pkt, ip), ipv4.endOf(pkt, ip)];
  const from = `from ${formatIp4(src)}`;
  const protocol = ipv4.protocol(pkt, ip);
  if (protocol === IpProtocol.udp) {
    const u = udp.check(pkt, at, end);
    if (u === malformed || !udp.isChecksumRight(pkt, u, src, dst)) return refuse(who, `a wrong UDP datagram ${from}`);
    const path = { src, srcPort: udp.srcPort(pkt, u), dst, dstPort: udp.dstPort(pkt, u) };
    return { kind: 'udp', path, data: packet.slice(at + udp.HEADER, end) };
  }
  if (protocol === IpProtocol.tcp) {
    const t = tcp.check(pkt, at, end);
    if (t === malformed || !tcp.isChecksumRight(pkt, t, end, src, dst))
      return refuse(who, `a wrong TCP segment ${from}`);
    const path = { src, srcPort: tcp.srcPort(pkt, t), dst, dstPort: tcp.dstPort(pkt, t) };
    const segment = {
      flags: tcp.flags(pkt, t),
      sequence: tcp.sequence(pkt, t),
      acknowledgment: pkt.getUint32(at + 8),
      data: packet.slice(at + tcp.headerLength(pkt, t), end),
    };
    return { kind: 'tcp', path, segment };
  }
  if (protocol !== IpProtocol.icmp) return refuse(who, `a packet of protocol ${protocol} ${from}`);
  const icmp = icmp4.check(pkt, at, end);
  if (icmp === malformed || !icmp4.isChecksumRight(pkt, icmp, end)) return refuse(who, `a wrong ICMP message ${from}`);
  const type = icmp4.type(pkt, icmp);
  if (!icmp4.isEcho(type)) return refuse(who, `an ICMP message of type ${type}, code ${icmp4.code(pkt, icmp)} ${from}`);
  const id = icmp4.echoId(pkt, icmp);
  return {
    kind: 'echo',
    path: { src, srcPort: id, dst, dstPort: id },
    isReply: type === icmp4.IcmpType.echoReply,
    data: packet.slice(at + icmp4.HEADER, end),
    sequence: icmp4.echoSequence(pkt, icmp),
  };
};
