// The inner-echo challenge: an ICMP echo request (RFC 792) with a random payload, sealed for a client and sent to the endpoint that
// is in doubt. The client's own kernel answers it, and only who holds the keys now can have read it, so the reply proves that the
// client is alive there. Stock daemons need not know of it. Pure functions: who challenges whom and when is `challenge-table.ts`.

import { IpProtocol } from '../base/protocol.ts';
import { type Ip4, ip4 } from '../wire/addr.ts';
import * as icmp4 from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';
import * as satp from '../wire/satp.ts';

/** Random words in a challenge: the echo's data. */
export const NONCE_WORDS = 4;

const NONCE = NONCE_WORDS * 4;
const NONCE_AT = ipv4.HEADER_MIN + icmp4.HEADER;
/** Octets of a challenge, and of its answer, as an inner packet. */
export const CHALLENGE_LENGTH: number = NONCE_AT + NONCE;
/** Octets of the datagram that carries it, less the auth tag. */
export const CHALLENGE_DATAGRAM: number = satp.PAYLOAD + CHALLENGE_LENGTH;

const TTL = 64;
const ECHO_SEQUENCE = 1;

/** Writes a challenge at `at`; the nonce is at row `row` of `nonces`. Returns the offset behind it. */
export const emitChallenge = (
  pkt: DataView,
  at: number,
  from: Ip4,
  to: Ip4,
  id: number,
  nonces: Uint32Array,
  row: number,
): number => {
  const end = at + CHALLENGE_LENGTH;
  for (let w = 0; w < NONCE_WORDS; w++) pkt.setUint32(at + NONCE_AT + 4 * w, nonces[row * NONCE_WORDS + w]!);
  icmp4.emitEcho(pkt, at + ipv4.HEADER_MIN, end, icmp4.IcmpType.echoRequest, id, ECHO_SEQUENCE);
  ipv4.emit(pkt, at, CHALLENGE_LENGTH, 0, TTL, IpProtocol.icmp, from, to);
  return end;
};

/** Whether `[at, end)`, an inner packet that was authentic, is the echo reply to the challenge with this id and nonce. */
export const isAnswer = (
  pkt: DataView,
  at: number,
  end: number,
  id: number,
  nonces: Uint32Array,
  row: number,
): boolean => {
  if (end - at !== CHALLENGE_LENGTH) return false;
  const ip = ipv4.check(pkt, at, end);
  if (ip === malformed || ipv4.headerLength(pkt, ip) !== ipv4.HEADER_MIN) return false;
  if (ipv4.protocol(pkt, ip) !== IpProtocol.icmp || ipv4.isFragment(pkt, ip)) return false;
  const icmp = icmp4.check(pkt, ipv4.payloadAt(pkt, ip), end);
  if (icmp === malformed || icmp4.type(pkt, icmp) !== icmp4.IcmpType.echoReply) return false;
  if (icmp4.echoId(pkt, icmp) !== id) return false;
  for (let w = 0; w < NONCE_WORDS; w++) {
    if (pkt.getUint32(at + NONCE_AT + 4 * w) !== nonces[row * NONCE_WORDS + w]) return false;
  }
  return true;
};

/** The unicast IPv4 source of the inner packet `[at, end)`, whom a challenge can address; 0 if it has none. */
export const challengeable = (pkt: DataView, at: number, end: number): Ip4 | 0 => {
  const ip = ipv4.check(pkt, at, end);
  if (ip === malformed) return 0;
  const source = ipv4.src(pkt, ip);
  const network = source >>> 24;
  // This network, loopback (RFC 1122 §3.2.1.3), and everything from multicast on are nobody's address.
  return network === 0 || network === 127 || network >= 224 ? 0 : ip4(source);
};
