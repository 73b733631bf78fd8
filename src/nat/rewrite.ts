// The rewriting of one endpoint of a packet, whole or quoted, with both checksums. Deltas come as one word, address in the high half
// and transport in the low, computed when the mapping was made; its complement is the delta of the way back (RFC 1624 §3).

import type { PacketBatch } from '../base/batch.ts';
import { Direction, Protocol } from '../base/protocol.ts';
import { type Ip4, type Port, port } from '../wire/addr.ts';
import { storedDelta } from '../wire/checksum.ts';
import { type IcmpAt, rewriteEchoId } from '../wire/icmp4.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { ipv4At, type PacketColumns } from './packet-columns.ts';

/**
 * Puts the columns' "to" endpoint in the place of the local one of the packet in slot `i`: of its source if it is outbound, of its
 * destination if it is inbound. The address comes in a column because V8 would box it as an argument.
 */
export const rewriteLocal = (b: PacketBatch, c: PacketColumns, i: number, direction: Direction): void => {
  const pkt = b.arena.view;
  const at = ipv4At(b, i);
  const deltas = c.deltas[i]!;
  const d = storedDelta(deltas);
  const transport = c.transport[i]!;
  const to = port(c.toPort[i]!);
  const outbound = direction === Direction.outbound;
  // Left signed: the 32 bits are the same, and V8 would box an unsigned argument wherever it does not inline the call.
  const address = c.toAddress[i]! as Ip4;
  if (outbound) ipv4.rewriteSrc(pkt, at, address, storedDelta(deltas >>> 16));
  else ipv4.rewriteDst(pkt, at, address, storedDelta(deltas >>> 16));
  switch (c.protocol[i]) {
    case Protocol.udp:
      if (outbound) udp.rewriteSrcPort(pkt, transport as udp.UdpAt, to, d);
      else udp.rewriteDstPort(pkt, transport as udp.UdpAt, to, d);
      return;
    case Protocol.tcp:
      if (outbound) tcp.rewriteSrcPort(pkt, transport as tcp.TcpAt, to, d);
      else tcp.rewriteDstPort(pkt, transport as tcp.TcpAt, to, d);
      return;
    default:
      rewriteEchoId(pkt, transport as IcmpAt, to, d);
  }
};

/**
 * Rewrites the NAT's own endpoint in the packet that an error quotes, which is cut off at `end`. The quoted packet went the other way
 * than the error: an outbound error quotes it with that endpoint as its destination, an inbound one as its source.
 */
export const rewriteQuoted = (
  pkt: DataView,
  at: ipv4.Ipv4At,
  transport: number,
  end: number,
  protocol: Protocol,
  address: Ip4,
  to: Port,
  deltas: number,
  direction: Direction,
): void => {
  const d = storedDelta(deltas);
  const isSource = direction === Direction.inbound;
  if (isSource) ipv4.rewriteSrc(pkt, at, address, storedDelta(deltas >>> 16));
  else ipv4.rewriteDst(pkt, at, address, storedDelta(deltas >>> 16));
  switch (protocol) {
    case Protocol.udp:
      if (isSource) udp.rewriteSrcPort(pkt, transport as udp.UdpAt, to, d);
      else udp.rewriteDstPort(pkt, transport as udp.UdpAt, to, d);
      return;
    case Protocol.tcp:
      if (isSource) tcp.rewriteQuotedSrcPort(pkt, transport as tcp.TcpPortsAt, end, to, d);
      else tcp.rewriteQuotedDstPort(pkt, transport as tcp.TcpPortsAt, end, to, d);
      return;
    case Protocol.icmp:
      rewriteEchoId(pkt, transport as IcmpAt, to, d);
  }
};
