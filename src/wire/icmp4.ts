// ICMP messages (RFC 792): queries, of which echo has an id that the NAT translates like a port, and errors, which quote the packet
// they are about. The checksum covers the message alone; there is no pseudo-header.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   |     Type      |     Code      |           Checksum            |
//   +---------------+---------------+-------------------------------+
//   |  Echo: id                     |  Echo: sequence number        |
//   |  Errors: unused, or by type and code (pointer, next-hop MTU)  |
//   +-------------------------------+-------------------------------+
//   |  Echo: data. Errors: the quoted packet                        |
//   +---------------------------------------------------------------+

import type { Brand } from '../base/brand.ts';
import type { Port } from './addr.ts';
import { applyDelta, type CsumDelta, checksum, deltaOf16, isWhole } from './checksum.ts';
import { type Malformed, malformed } from './malformed.ts';

/** Offset of an ICMP message that {@link check} has proved to have its eight fixed octets. */
export type IcmpAt = Brand<number, 'IcmpAt'>;

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const ECHO_ID = 4;
const ECHO_SEQUENCE = 6;

/** Octets in front of an echo's data and of an error's quoted packet. */
export const HEADER = 8;

/** ICMP types that this project knows by name. */
export const IcmpType = {
  echoReply: 0,
  destinationUnreachable: 3,
  sourceQuench: 4,
  redirect: 5,
  echoRequest: 8,
  timeExceeded: 11,
  parameterProblem: 12,
} as const;

/** Proves that `[at, end)`, an IPv4 payload, has the eight octets that every ICMP message has. */
export const check = (_pkt: DataView, at: number, end: number): IcmpAt | Malformed =>
  end - at < HEADER ? malformed : (at as IcmpAt);

export const type = (pkt: DataView, at: IcmpAt): number => pkt.getUint8(at + TYPE);
export const code = (pkt: DataView, at: IcmpAt): number => pkt.getUint8(at + CODE);
/** The second word of an error: unused, pointer or next-hop MTU. */
export const rest = (pkt: DataView, at: IcmpAt): number => pkt.getUint32(at + REST);
/** Query id of an echo; the NAT treats it as a port (RFC 5508 §3). */
export const echoId = (pkt: DataView, at: IcmpAt): Port => pkt.getUint16(at + ECHO_ID) as Port;
export const echoSequence = (pkt: DataView, at: IcmpAt): number => pkt.getUint16(at + ECHO_SEQUENCE);
/** Offset of the packet that an error quotes; nothing about it is proved. */
export const embeddedAt = (at: IcmpAt): number => at + HEADER;

/** Whether messages of `icmpType` report an error, and so quote a packet and must not be answered by errors (RFC 1122 §3.2.2). */
export const isError = (icmpType: number): boolean =>
  icmpType === IcmpType.destinationUnreachable ||
  icmpType === IcmpType.timeExceeded ||
  icmpType === IcmpType.parameterProblem ||
  icmpType === IcmpType.redirect ||
  icmpType === IcmpType.sourceQuench;

/** Whether `icmpType` is an echo request or reply. */
export const isEcho = (icmpType: number): boolean =>
  icmpType === IcmpType.echoRequest || icmpType === IcmpType.echoReply;

/** Whether the checksum of the message `[at, end)` is right. Reads all of it. */
export const isChecksumRight = (pkt: DataView, at: IcmpAt, end: number): boolean => isWhole(pkt, at, end);

const repair = (pkt: DataView, at: IcmpAt, d: CsumDelta): void =>
  pkt.setUint16(at + CHECKSUM, applyDelta(pkt.getUint16(at + CHECKSUM), d));

/** Sets the query id and mends the checksum; `d` is the delta from the old id to `to`. */
export const rewriteEchoId = (pkt: DataView, at: IcmpAt, to: Port, d: CsumDelta): void => {
  pkt.setUint16(at + ECHO_ID, to);
  repair(pkt, at, d);
};

/** Sets the type and mends the checksum: how an echo request becomes its reply in place. */
export const rewriteType = (pkt: DataView, at: IcmpAt, to: number): void => {
  const before = pkt.getUint16(at + TYPE);
  pkt.setUint8(at + TYPE, to);
  repair(pkt, at, deltaOf16(before, pkt.getUint16(at + TYPE)));
};

/** Writes the checksum of the message `[at, end)` anew, after its content changed in more than an id. */
export const refreshChecksum = (pkt: DataView, at: IcmpAt, end: number): void => {
  pkt.setUint16(at + CHECKSUM, 0);
  pkt.setUint16(at + CHECKSUM, checksum(pkt, at, end));
};

/** Writes the header of an error in front of the quote at `[at + HEADER, end)`, checksum included; `word` is its second word. */
export const emitError = (
  pkt: DataView,
  at: number,
  end: number,
  icmpType: number,
  icmpCode: number,
  word: number,
): void => {
  pkt.setUint8(at + TYPE, icmpType);
  pkt.setUint8(at + CODE, icmpCode);
  pkt.setUint32(at + REST, word);
  refreshChecksum(pkt, at as IcmpAt, end);
};

/** Writes the header of an echo request or reply in front of its data at `[at + HEADER, end)`, checksum included. */
export const emitEcho = (
  pkt: DataView,
  at: number,
  end: number,
  icmpType: typeof IcmpType.echoRequest | typeof IcmpType.echoReply,
  id: number,
  sequence: number,
): void => emitError(pkt, at, end, icmpType, 0, ((id << 16) | sequence) >>> 0);
