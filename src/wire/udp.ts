// UDP headers (RFC 768). A zero checksum means "none" and stays zero through a rewrite; a computed zero is sent as 0xffff.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------------------------------+-------------------------------+
//   |          Source port          |       Destination port        |
//   +-------------------------------+-------------------------------+
//   |            Length             |           Checksum            |
//   +-------------------------------+-------------------------------+

import type { Brand } from '../base/brand.ts';
import type { Ip4, Port } from './addr.ts';
import { applyDeltaUdp, type CsumDelta, fold, pseudoHeader, sum } from './checksum.ts';
import { type Malformed, malformed } from './malformed.ts';

/** Offset of a UDP header that {@link check} has proved safe to read. */
export type UdpAt = Brand<number, 'UdpAt'>;

const SRC_PORT = 0;
const DST_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;

/** Octets of the header. */
export const HEADER = 8;

/** Proves that `[at, end)`, an IPv4 payload, holds a whole UDP datagram; octets behind its length are let pass. */
export const check = (pkt: DataView, at: number, end: number): UdpAt | Malformed => {
  if (end - at < HEADER) return malformed;
  const octets = pkt.getUint16(at + LENGTH);
  return octets >= HEADER && octets <= end - at ? (at as UdpAt) : malformed;
};

/** Proves that the header is readable in a first fragment or a quoted packet, whose payload may be cut off. */
export const checkEmbedded = (_pkt: DataView, at: number, end: number): UdpAt | Malformed =>
  end - at < HEADER ? malformed : (at as UdpAt);

export const srcPort = (pkt: DataView, at: UdpAt): Port => pkt.getUint16(at + SRC_PORT) as Port;
export const dstPort = (pkt: DataView, at: UdpAt): Port => pkt.getUint16(at + DST_PORT) as Port;
/** Octets of header and payload. */
export const length = (pkt: DataView, at: UdpAt): number => pkt.getUint16(at + LENGTH);
/** 0 if the sender computed none. */
export const checksumOf = (pkt: DataView, at: UdpAt): number => pkt.getUint16(at + CHECKSUM);

/** Whether the checksum is absent or right, given the addresses of the IPv4 header. Reads the whole datagram. */
export const isChecksumRight = (pkt: DataView, at: UdpAt, src: Ip4, dst: Ip4): boolean => {
  if (checksumOf(pkt, at) === 0) return true;
  const octets = length(pkt, at);
  return fold(fold(sum(pkt, at, at + octets)) + pseudoHeader(src, dst, 17, octets)) === 0xffff;
};

const repair = (pkt: DataView, at: UdpAt, d: CsumDelta): void =>
  pkt.setUint16(at + CHECKSUM, applyDeltaUdp(pkt.getUint16(at + CHECKSUM), d));

/** Sets the source port and mends the checksum; `d` covers this port and the address in the pseudo-header. */
export const rewriteSrcPort = (pkt: DataView, at: UdpAt, to: Port, d: CsumDelta): void => {
  pkt.setUint16(at + SRC_PORT, to);
  repair(pkt, at, d);
};

/** Sets the destination port and mends the checksum; `d` covers this port and the address in the pseudo-header. */
export const rewriteDstPort = (pkt: DataView, at: UdpAt, to: Port, d: CsumDelta): void => {
  pkt.setUint16(at + DST_PORT, to);
  repair(pkt, at, d);
};
