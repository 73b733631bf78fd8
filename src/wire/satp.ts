// SATP datagrams, the wire format of anytun and uanytun: a clear header, then the payload type and the payload, both enciphered,
// then the auth tag over everything before it. Nothing here is authenticated by `check`: it only says that reading is safe.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------------------------------------------------------+
//   |                        Sequence number                        |
//   +-------------------------------+-------------------------------+
//   |           Sender id           |              Mux              |
//   +-------------------------------+-------------------------------+
//   |      Payload type (enc.)      |  Payload (enc.) ...           |
//   +-------------------------------+-------------------------------+
//   |                   Auth tag, 0 to 20 octets                    |
//   +---------------------------------------------------------------+

import type { Brand } from '../base/brand.ts';
import { type Malformed, malformed } from './malformed.ts';

/** Offset of a datagram that {@link check} has proved to hold a SATP header and an auth tag. */
export type SatpAt = Brand<number, 'SatpAt'>;

const SEQUENCE = 0;
const SENDER_ID = 4;
const MUX = 6;
const PAYLOAD_TYPE = 8;

/** Octets of the clear header; what follows is enciphered. */
export const HEADER = 8;
/** Offset of the payload: header and payload type. */
export const PAYLOAD = 10;
/** Octets of the longest datagram that the daemons receive; they cut off the rest, and then the auth tag fails. */
export const MAX_DATAGRAM = 1600;

/** Payload types: EtherTypes, and for Ethernet frames the one of transparent bridging. */
export const PayloadType = { ipv4: 0x0800, ipv6: 0x86dd, ethernet: 0x6558 } as const;

/**
 * Proves that `[at, end)` is long enough for the header and an auth tag of `tagLength` octets; pass 0 to read the mux before the
 * association, and with it the tag length, is known. A datagram without payload type and payload passes: it is a keep-alive.
 */
export const check = (_pkt: DataView, at: number, end: number, tagLength: number): SatpAt | Malformed =>
  end - at < HEADER + tagLength ? malformed : (at as SatpAt);

/** A uint32. */
export const sequence = (pkt: DataView, at: SatpAt): number => pkt.getUint32(at + SEQUENCE);
/** A uint16. */
export const senderId = (pkt: DataView, at: SatpAt): number => pkt.getUint16(at + SENDER_ID);
/** A uint16. */
export const mux = (pkt: DataView, at: SatpAt): number => pkt.getUint16(at + MUX);
/** A uint16, see {@link PayloadType}; means nothing before the datagram is deciphered, or if it has no payload. */
export const payloadType = (pkt: DataView, at: SatpAt): number => pkt.getUint16(at + PAYLOAD_TYPE);

/** Writes the clear header and the payload type in front of the payload at `at + PAYLOAD`. */
export const emitHeader = (
  pkt: DataView,
  at: number,
  sequenceNumber: number,
  sender: number,
  muxId: number,
  payload: number,
): void => {
  pkt.setUint32(at + SEQUENCE, sequenceNumber);
  pkt.setUint16(at + SENDER_ID, sender);
  pkt.setUint16(at + MUX, muxId);
  pkt.setUint16(at + PAYLOAD_TYPE, payload);
};
