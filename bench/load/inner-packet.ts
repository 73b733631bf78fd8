// Inner packets of the load: UDP over IPv4 from one of a client's flows to the third party, with a checksum, so that a NAT has one
// to mend.

import { type Ip4, ip4, parseIp4 } from '../../src/wire/addr.ts';
import { fold, pseudoHeader, sum } from '../../src/wire/checksum.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { ADDRESS, PORT } from '../network.ts';

const UDP = 17;
const UDP_HEADER = 8;
const TTL = 64;
const FIRST_PORT = 20_000;

/** Inner address of client number `client`. */
export const innerAddress = (client: number): Ip4 => ip4(parseIp4(ADDRESS.innerClient)! + client);

/** Octets of the headers of an inner packet. */
export const INNER_HEADERS: number = ipv4.HEADER_MIN + UDP_HEADER;

/** Port that flow number `flow` of every client comes from. */
export const flowPort = (flow: number): number => FIRST_PORT + flow;

/** Writes a packet of `octets` from flow `flow` of client `client` at `at`; its payload begins with `tag`, a uint32. */
export const emitInnerPacket = (
  view: DataView,
  at: number,
  octets: number,
  client: number,
  flow: number,
  tag: number,
): void => {
  const src = innerAddress(client);
  const dst = parseIp4(ADDRESS.third)!;
  const length = octets - ipv4.HEADER_MIN;
  const udp = at + ipv4.HEADER_MIN;
  ipv4.emit(view, at, octets, 0, TTL, UDP, src, dst);
  view.setUint16(udp, flowPort(flow));
  view.setUint16(udp + 2, PORT.third);
  view.setUint16(udp + 4, length);
  view.setUint16(udp + 6, 0);
  view.setUint32(udp + UDP_HEADER, tag);
  const checksum = ~fold(fold(sum(view, udp, at + octets)) + pseudoHeader(src, dst, UDP, length)) & 0xffff;
  view.setUint16(udp + 6, checksum === 0 ? 0xffff : checksum);
};
