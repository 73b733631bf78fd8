// What the gateway itself answers to: ICMP echo requests for its own inner address. Anything else for that address is refused.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { Cell, type Counters, IcmpGenerated } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { IpProtocol } from '../base/protocol.ts';
import type { Ip4 } from '../wire/addr.ts';
import * as icmp4 from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';

const ECHO_REPLY_TTL = 64;

/** The echo request inside the whole packet `ip`, or -1 if it is something else, a fragment, or has a wrong checksum. */
const echoRequestIn = (pkt: DataView, ip: ipv4.Ipv4At): icmp4.IcmpAt | -1 => {
  if (ipv4.protocol(pkt, ip) !== IpProtocol.icmp || ipv4.isFragment(pkt, ip)) return -1;
  const end = ipv4.endOf(pkt, ip);
  const icmp = icmp4.check(pkt, ipv4.payloadAt(pkt, ip), end);
  if (icmp === malformed || icmp4.type(pkt, icmp) !== icmp4.IcmpType.echoRequest) return -1;
  return icmp4.isChecksumRight(pkt, icmp, end) ? icmp : -1;
};

/** Answers, in place, the echo requests for `gateway` (RFC 1122 §3.2.2.6) and refuses whatever else is for that address. */
export const answerLocal = (b: PacketBatch, gateway: Ip4, counters: Counters): void => {
  const pkt = b.arena.view;
  for (let i = 0; i < b.count; i++) {
    if (b.verdict[i] !== Verdict.pending) continue;
    // The inner check proved that this is a whole IPv4 packet.
    const ip = b.at[i]! as ipv4.Ipv4At;
    if (ipv4.dst(pkt, ip) !== gateway) continue;
    const icmp = echoRequestIn(pkt, ip);
    if (icmp === -1) {
      b.drop(i, DropReason.localUnsupported);
      continue;
    }
    icmp4.rewriteType(pkt, icmp, icmp4.IcmpType.echoReply);
    ipv4.swapAddresses(pkt, ip);
    ipv4.rewriteTtl(pkt, ip, ECHO_REPLY_TTL);
    counters[Cell.icmpGenerated + IcmpGenerated.echoReply]!++;
    b.verdict[i] = Verdict.client;
  }
};
