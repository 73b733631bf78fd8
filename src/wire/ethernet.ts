// Ethernet II frames from the destination address on, without preamble and frame check sequence (IEEE 802.3 §3.1.1).
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------------------------------------------------------+
//   |                     Destination (6 octets)                    |
//   +                               +-------------------------------+
//   |                               |                               |
//   +-------------------------------+      Source (6 octets)        +
//   |                                                               |
//   +-------------------------------+-------------------------------+
//   |           EtherType           |  Payload ...                  |
//   +-------------------------------+-------------------------------+

import type { Brand } from '../base/brand.ts';
import { type Malformed, malformed } from './malformed.ts';

/** Offset of an Ethernet header that {@link check} has proved safe to read. */
export type EthernetAt = Brand<number, 'EthernetAt'>;
/** A MAC address as an integer below 2^48. */
export type Mac = Brand<number, 'Mac'>;

const DST = 0;
const SRC = 6;
const ETHER_TYPE = 12;

/** Octets of the header. */
export const HEADER = 14;

/** EtherTypes that this project knows by name. */
export const EtherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;

/** Proves that `[at, end)` starts with a whole Ethernet header. */
export const check = (_pkt: DataView, at: number, end: number): EthernetAt | Malformed =>
  end - at < HEADER ? malformed : (at as EthernetAt);

const mac = (pkt: DataView, at: number): Mac => (pkt.getUint16(at) * 0x1_0000_0000 + pkt.getUint32(at + 2)) as Mac;

export const dst = (pkt: DataView, at: EthernetAt): Mac => mac(pkt, at + DST);
export const src = (pkt: DataView, at: EthernetAt): Mac => mac(pkt, at + SRC);
/** A uint16, see {@link EtherType}. */
export const etherType = (pkt: DataView, at: EthernetAt): number => pkt.getUint16(at + ETHER_TYPE);
/** Whether `m` addresses a group: multicast or broadcast. */
export const isGroup = (m: Mac): boolean => (Math.floor(m / 0x100_0000_0000) & 1) === 1;
