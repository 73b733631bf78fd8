// The rewriting of one endpoint of a packet, whole or quoted, with both checksums. Deltas come as one word, address in the high half
// and transport in the low, computed when the mapping was made; its complement is the delta of the way back (RFC 1624 §3).

import { Protocol } from '../base/protocol.ts';
import type { Ip4, Port } from '../wire/addr.ts';
import { storedDelta } from '../wire/checksum.ts';
import { type IcmpAt, rewriteEchoId } from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';

/** Sets source address and source port (or query id). `transport` is the offset of a `protocol` header that was checked. */
export const rewriteSource = (
  pkt: DataView,
  at: ipv4.Ipv4At,
  transport: number,
  protocol: Protocol,
  address: Ip4,
  port: Port,
  deltas: number,
): void => {
  const d = storedDelta(deltas);
  ipv4.rewriteSrc(pkt, at, address, storedDelta(deltas >>> 16));
  if (protocol === Protocol.udp) udp.rewriteSrcPort(pkt, transport as udp.UdpAt, port, d);
  else if (protocol === Protocol.tcp) tcp.rewriteSrcPort(pkt, transport as tcp.TcpAt, port, d);
  else rewriteEchoId(pkt, transport as IcmpAt, port, d);
};

/** Sets destination address and destination port (or query id). */
export const rewriteDestination = (
  pkt: DataView,
  at: ipv4.Ipv4At,
  transport: number,
  protocol: Protocol,
  address: Ip4,
  port: Port,
  deltas: number,
): void => {
  const d = storedDelta(deltas);
  ipv4.rewriteDst(pkt, at, address, storedDelta(deltas >>> 16));
  if (protocol === Protocol.udp) udp.rewriteDstPort(pkt, transport as udp.UdpAt, port, d);
  else if (protocol === Protocol.tcp) tcp.rewriteDstPort(pkt, transport as tcp.TcpAt, port, d);
  else rewriteEchoId(pkt, transport as IcmpAt, port, d);
};

/** As {@link rewriteSource} for a quoted packet that is cut off at `end`. */
export const rewriteQuotedSource = (
  pkt: DataView,
  at: ipv4.Ipv4At,
  transport: number,
  end: number,
  protocol: Protocol,
  address: Ip4,
  port: Port,
  deltas: number,
): void => {
  if (protocol !== Protocol.tcp) {
    rewriteSource(pkt, at, transport, protocol, address, port, deltas);
    return;
  }
  ipv4.rewriteSrc(pkt, at, address, storedDelta(deltas >>> 16));
  tcp.rewriteQuotedSrcPort(pkt, transport as tcp.TcpPortsAt, end, port, storedDelta(deltas));
};

/** As {@link rewriteDestination} for a quoted packet that is cut off at `end`. */
export const rewriteQuotedDestination = (
  pkt: DataView,
  at: ipv4.Ipv4At,
  transport: number,
  end: number,
  protocol: Protocol,
  address: Ip4,
  port: Port,
  deltas: number,
): void => {
  if (protocol !== Protocol.tcp) {
    rewriteDestination(pkt, at, transport, protocol, address, port, deltas);
    return;
  }
  ipv4.rewriteDst(pkt, at, address, storedDelta(deltas >>> 16));
  tcp.rewriteQuotedDstPort(pkt, transport as tcp.TcpPortsAt, end, port, storedDelta(deltas));
};
