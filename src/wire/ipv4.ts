// IPv4 headers (RFC 791). Only `check` mints an `Ipv4At`; with one in hand every read below is in bounds and the packet is whole.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-------+---------------+-------------------------------+
//   |Version|  IHL  |Type of service|         Total length          |
//   +-------+-------+---------------+-----+-------------------------+
//   |        Identification         |0|D|M|     Fragment offset     |
//   +---------------+---------------+-----+-------------------------+
//   |      TTL      |   Protocol    |        Header checksum        |
//   +---------------+---------------+-------------------------------+
//   |                        Source address                         |
//   +---------------------------------------------------------------+
//   |                      Destination address                      |
//   +---------------------------------------------------------------+
//   |                    Options, 0 to 40 octets                    |
//   +---------------------------------------------------------------+

import type { Brand } from '../base/brand.ts';
import { type Ip4, ip4 } from './addr.ts';
import { applyDelta, type CsumDelta, checksum, deltaOf16, isWhole } from './checksum.ts';
import { type Malformed, malformed } from './malformed.ts';

/** Offset of an IPv4 header that {@link check} has proved whole, or {@link checkEmbedded} readable. */
export type Ipv4At = Brand<number, 'Ipv4At'>;

const VERSION_IHL = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS_OFFSET = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SRC = 12;
const DST = 16;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;

/** Octets of a header without options. */
export const HEADER_MIN = 20;

/** Proves that `[at, end)` starts with a whole IPv4 packet: version, header length, total length and header checksum. */
export const check = (pkt: DataView, at: number, end: number): Ipv4At | Malformed => {
  if (end - at < HEADER_MIN) return malformed;
  const versionIhl = pkt.getUint8(at + VERSION_IHL);
  if (versionIhl >>> 4 !== 4) return malformed;
  const header = (versionIhl & 15) << 2;
  const total = pkt.getUint16(at + TOTAL_LENGTH);
  if (header < HEADER_MIN || total < header || total > end - at) return malformed;
  return isWhole(pkt, at, at + header) ? (at as Ipv4At) : malformed;
};

/**
 * Proves that the header of a quoted packet, cut off at `end`, is whole; its total length may point beyond `end` (RFC 5508 §4.2).
 * Its checksum is verified, which RFC 5508 REQ-3 asks for.
 */
export const checkEmbedded = (pkt: DataView, at: number, end: number): Ipv4At | Malformed => {
  if (end - at < HEADER_MIN) return malformed;
  const versionIhl = pkt.getUint8(at + VERSION_IHL);
  const header = (versionIhl & 15) << 2;
  if (versionIhl >>> 4 !== 4 || header < HEADER_MIN || header > end - at) return malformed;
  return isWhole(pkt, at, at + header) ? (at as Ipv4At) : malformed;
};

/** Octets of the header with its options: 20 to 60. */
export const headerLength = (pkt: DataView, at: Ipv4At): number => (pkt.getUint8(at + VERSION_IHL) & 15) << 2;
/** Octets of header and payload. */
export const totalLength = (pkt: DataView, at: Ipv4At): number => pkt.getUint16(at + TOTAL_LENGTH);
/** Offset of the payload. */
export const payloadAt = (pkt: DataView, at: Ipv4At): number => at + headerLength(pkt, at);
/** Offset behind the payload. */
export const endOf = (pkt: DataView, at: Ipv4At): number => at + totalLength(pkt, at);
/** DSCP and ECN. */
export const tos = (pkt: DataView, at: Ipv4At): number => pkt.getUint8(at + TOS);
export const identification = (pkt: DataView, at: Ipv4At): number => pkt.getUint16(at + IDENTIFICATION);
export const ttl = (pkt: DataView, at: Ipv4At): number => pkt.getUint8(at + TTL);
/** IANA protocol number, see `IpProtocol`. */
export const protocol = (pkt: DataView, at: Ipv4At): number => pkt.getUint8(at + PROTOCOL);
export const src = (pkt: DataView, at: Ipv4At): Ip4 => ip4(pkt.getUint32(at + SRC));
export const dst = (pkt: DataView, at: Ipv4At): Ip4 => ip4(pkt.getUint32(at + DST));

/** Whether the packet is a fragment, first or other. */
export const isFragment = (pkt: DataView, at: Ipv4At): boolean =>
  (pkt.getUint16(at + FLAGS_OFFSET) & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0;
/** Where in the original payload this packet's payload begins, in octets; 0 for a whole packet or a first fragment. */
export const fragmentOffset = (pkt: DataView, at: Ipv4At): number =>
  (pkt.getUint16(at + FLAGS_OFFSET) & FRAGMENT_OFFSET) << 3;
/** Whether more fragments follow. */
export const hasMoreFragments = (pkt: DataView, at: Ipv4At): boolean =>
  (pkt.getUint16(at + FLAGS_OFFSET) & MORE_FRAGMENTS) !== 0;
/** Whether a router may fragment the packet (DF is clear). */
export const mayBeFragmented = (pkt: DataView, at: Ipv4At): boolean =>
  (pkt.getUint16(at + FLAGS_OFFSET) & DONT_FRAGMENT) === 0;

const repair = (pkt: DataView, at: Ipv4At, d: CsumDelta): void =>
  pkt.setUint16(at + CHECKSUM, applyDelta(pkt.getUint16(at + CHECKSUM), d));

/** Sets the source address and mends the header checksum; `d` is the delta from the old address to `to`. */
export const rewriteSrc = (pkt: DataView, at: Ipv4At, to: Ip4, d: CsumDelta): void => {
  pkt.setUint32(at + SRC, to);
  repair(pkt, at, d);
};

/** Sets the destination address and mends the header checksum; `d` is the delta from the old address to `to`. */
export const rewriteDst = (pkt: DataView, at: Ipv4At, to: Ip4, d: CsumDelta): void => {
  pkt.setUint32(at + DST, to);
  repair(pkt, at, d);
};

/** Exchanges source and destination; neither checksum of the packet changes by that. */
export const swapAddresses = (pkt: DataView, at: Ipv4At): void => {
  const from = pkt.getUint32(at + SRC);
  pkt.setUint32(at + SRC, pkt.getUint32(at + DST));
  pkt.setUint32(at + DST, from);
};

/** Sets the time to live and mends the header checksum. */
export const rewriteTtl = (pkt: DataView, at: Ipv4At, to: number): void => {
  const before = pkt.getUint16(at + TTL);
  pkt.setUint8(at + TTL, to);
  repair(pkt, at, deltaOf16(before, pkt.getUint16(at + TTL)));
};

/** Takes one off the time to live, which must be above 0, and mends the header checksum (RFC 1812 §5.3.1). */
export const decrementTtl = (pkt: DataView, at: Ipv4At): void => rewriteTtl(pkt, at, ttl(pkt, at) - 1);

/**
 * Writes a whole header of {@link HEADER_MIN} octets at `at`. DF is set and the identification 0: an atomic datagram, which needs
 * no identification of its own (RFC 6864 §4.1).
 */
export const emit = (
  pkt: DataView,
  at: number,
  length: number,
  typeOfService: number,
  timeToLive: number,
  ipProtocol: number,
  from: Ip4,
  to: Ip4,
): void => {
  pkt.setUint8(at + VERSION_IHL, 0x45);
  pkt.setUint8(at + TOS, typeOfService);
  pkt.setUint16(at + TOTAL_LENGTH, length);
  pkt.setUint16(at + IDENTIFICATION, 0);
  pkt.setUint16(at + FLAGS_OFFSET, DONT_FRAGMENT);
  pkt.setUint8(at + TTL, timeToLive);
  pkt.setUint8(at + PROTOCOL, ipProtocol);
  pkt.setUint16(at + CHECKSUM, 0);
  pkt.setUint32(at + SRC, from);
  pkt.setUint32(at + DST, to);
  pkt.setUint16(at + CHECKSUM, checksum(pkt, at, at + HEADER_MIN));
};
