// TCP headers (RFC 9293 §3.1). The quoted segment of an ICMP error may end after eight octets (RFC 792): ports and sequence number
// are there, flags and checksum need not be, hence the second, weaker brand.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |          Source port          |       Destination port        |
//   +-------------------------------+-------------------------------+
//   |                        Sequence number                        |
//   +---------------------------------------------------------------+
//   |                     Acknowledgment number                     |
//   +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//   | Data  | Re-   |C|E|U|A|P|R|S|F|                               |
//   | offset| served|W|C|R|C|S|S|Y|I|            Window             |
//   |       |       |R|E|G|K|H|T|N|N|                               |
//   +-------+-------+-+-+-+-+-+-+-+-+-------------------------------+
//   |           Checksum            |        Urgent pointer         |
//   +-------------------------------+-------------------------------+
//   |                   Options, 0 to 40 octets                     |
//   +---------------------------------------------------------------+

import type { Brand } from '../base/brand.ts';
import type { Ip4, Port } from './addr.ts';
import { applyDelta, type CsumDelta, fold, pseudoHeader, sum } from './checksum.ts';
import { type Malformed, malformed } from './malformed.ts';

/** Offset of the first eight octets of a TCP header: what an ICMP error quotes at least. */
export type TcpPortsAt = Brand<number, 'TcpPortsAt' | 'TcpAt'>;
/** Offset of a TCP header that {@link check} has proved safe to read, options included. */
export type TcpAt = Brand<number, 'TcpAt'>;

const SRC_PORT = 0;
const DST_PORT = 2;
const SEQUENCE = 4;
const DATA_OFFSET = 12;
const FLAGS = 13;
const CHECKSUM = 16;

/** Octets of a header without options. */
export const HEADER_MIN = 20;
const QUOTED_MIN = 8;

/** Bits of {@link flags}. */
export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

/** Proves that `[at, end)`, an IPv4 payload, starts with a whole TCP header. */
export const check = (pkt: DataView, at: number, end: number): TcpAt | Malformed => {
  if (end - at < HEADER_MIN) return malformed;
  const header = (pkt.getUint8(at + DATA_OFFSET) >>> 4) << 2;
  return header >= HEADER_MIN && header <= end - at ? (at as TcpAt) : malformed;
};

/** Proves that a quoted segment has at least its ports. */
export const checkEmbedded = (_pkt: DataView, at: number, end: number): TcpPortsAt | Malformed =>
  end - at < QUOTED_MIN ? malformed : (at as TcpPortsAt);

export const srcPort = (pkt: DataView, at: TcpPortsAt): Port => pkt.getUint16(at + SRC_PORT) as Port;
export const dstPort = (pkt: DataView, at: TcpPortsAt): Port => pkt.getUint16(at + DST_PORT) as Port;
/** A uint32. */
export const sequence = (pkt: DataView, at: TcpPortsAt): number => pkt.getUint32(at + SEQUENCE);
/** Octets of the header with its options: 20 to 60. */
export const headerLength = (pkt: DataView, at: TcpAt): number => (pkt.getUint8(at + DATA_OFFSET) >>> 4) << 2;
/** The flag octet, see {@link TcpFlag}. */
export const flags = (pkt: DataView, at: TcpAt): number => pkt.getUint8(at + FLAGS);

/** Whether the checksum of the segment `[at, end)` is right, given the addresses of the IPv4 header. Reads all of it. */
export const isChecksumRight = (pkt: DataView, at: TcpAt, end: number, src: Ip4, dst: Ip4): boolean =>
  fold(fold(sum(pkt, at, end)) + pseudoHeader(src, dst, 6, end - at)) === 0xffff;

const repair = (pkt: DataView, at: TcpPortsAt, d: CsumDelta): void =>
  pkt.setUint16(at + CHECKSUM, applyDelta(pkt.getUint16(at + CHECKSUM), d));

/** Sets the source port and mends the checksum; `d` covers this port and the address in the pseudo-header. */
export const rewriteSrcPort = (pkt: DataView, at: TcpAt, to: Port, d: CsumDelta): void => {
  pkt.setUint16(at + SRC_PORT, to);
  repair(pkt, at, d);
};

/** Sets the destination port and mends the checksum; `d` covers this port and the address in the pseudo-header. */
export const rewriteDstPort = (pkt: DataView, at: TcpAt, to: Port, d: CsumDelta): void => {
  pkt.setUint16(at + DST_PORT, to);
  repair(pkt, at, d);
};

/** As {@link rewriteSrcPort} for a quoted segment that is cut off at `end`, perhaps before its checksum. */
export const rewriteQuotedSrcPort = (pkt: DataView, at: TcpPortsAt, end: number, to: Port, d: CsumDelta): void => {
  pkt.setUint16(at + SRC_PORT, to);
  if (end - at >= CHECKSUM + 2) repair(pkt, at, d);
};

/** As {@link rewriteDstPort} for a quoted segment that is cut off at `end`, perhaps before its checksum. */
export const rewriteQuotedDstPort = (pkt: DataView, at: TcpPortsAt, end: number, to: Port, d: CsumDelta): void => {
  pkt.setUint16(at + DST_PORT, to);
  if (end - at >= CHECKSUM + 2) repair(pkt, at, d);
};
