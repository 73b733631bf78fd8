// Endpoints as the kernel spells them: the remote one is a socket address, the local address a control message (IP_PKTINFO, RFC 3542
// §6.1). In the batch's column they are words, see `base/endpoint.ts`; word `socket` is not touched here.

import { ENDPOINT_WORDS, EndpointWord } from '../base/endpoint.ts';
import type { MessageHeaders } from './message-headers.ts';
import { Family } from './socket-address.ts';
import { Cmsghdr, In6Pktinfo, InPktinfo, SockaddrIn, SockaddrIn6 } from './structs.ts';

const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IPPROTO_IPV6 = 41;
const IPV6_PKTINFO = 50;
const { socket: SOCKET, remotePort: PORT, remoteAddress: REMOTE, localAddress: LOCAL, scope: SCOPE } = EndpointWord;
const DATA = Cmsghdr.size;
// A control message's length rounded up to 8, as CMSG_SPACE has it.
const CONTROL4_SIZE = 32;
const CONTROL6_SIZE = 40;

/** Stores where received datagram `n` came from and which local address it was sent to in row `i` of `endpoint`. */
export const readEndpoint = (
  family: Family,
  headers: MessageHeaders,
  n: number,
  endpoint: Uint32Array,
  i: number,
): void => {
  const { view } = headers.arena;
  const name = headers.name(n);
  const data = headers.control(n) + DATA;
  const row = i * ENDPOINT_WORDS;
  if (family === Family.inet) {
    for (let w = SOCKET + 1; w < ENDPOINT_WORDS; w++) endpoint[row + w] = 0;
    endpoint[row + PORT] = view.getUint16(name + SockaddrIn.port);
    endpoint[row + REMOTE] = view.getUint32(name + SockaddrIn.address);
    if (headers.controlLength(n) >= CONTROL4_SIZE) endpoint[row + LOCAL] = view.getUint32(data + InPktinfo.local);
    return;
  }
  const hasLocal = headers.controlLength(n) >= CONTROL6_SIZE;
  endpoint[row + PORT] = view.getUint16(name + SockaddrIn6.port);
  endpoint[row + SCOPE] = view.getUint32(name + SockaddrIn6.scope, true);
  for (let w = 0; w < 4; w++) {
    endpoint[row + REMOTE + w] = view.getUint32(name + SockaddrIn6.address + 4 * w);
    endpoint[row + LOCAL + w] = hasLocal ? view.getUint32(data + In6Pktinfo.address + 4 * w) : 0;
  }
};

/** Addresses datagram `n` to the remote endpoint in row `i` of `endpoint`, from the local address there (0: the kernel chooses). */
export const writeEndpoint = (
  family: Family,
  headers: MessageHeaders,
  n: number,
  endpoint: Uint32Array,
  i: number,
): void => {
  const { view } = headers.arena;
  const name = headers.name(n);
  const control = headers.control(n);
  const row = i * ENDPOINT_WORDS;
  if (family === Family.inet) {
    view.setUint16(name + SockaddrIn.family, Family.inet, true);
    view.setUint16(name + SockaddrIn.port, endpoint[row + PORT]!);
    view.setUint32(name + SockaddrIn.address, endpoint[row + REMOTE]!);
    view.setUint32(control + Cmsghdr.length, DATA + InPktinfo.size, true);
    view.setInt32(control + Cmsghdr.level, IPPROTO_IP, true);
    view.setInt32(control + Cmsghdr.type, IP_PKTINFO, true);
    view.setUint32(control + DATA + InPktinfo.local, endpoint[row + LOCAL]!);
    headers.setLengths(n, SockaddrIn.size, CONTROL4_SIZE);
    return;
  }
  view.setUint16(name + SockaddrIn6.family, Family.inet6, true);
  view.setUint16(name + SockaddrIn6.port, endpoint[row + PORT]!);
  view.setUint32(name + SockaddrIn6.scope, endpoint[row + SCOPE]!, true);
  view.setUint32(control + Cmsghdr.length, DATA + In6Pktinfo.size, true);
  view.setInt32(control + Cmsghdr.level, IPPROTO_IPV6, true);
  view.setInt32(control + Cmsghdr.type, IPV6_PKTINFO, true);
  view.setUint32(control + DATA + In6Pktinfo.interface, endpoint[row + SCOPE]!, true);
  for (let w = 0; w < 4; w++) {
    view.setUint32(name + SockaddrIn6.address + 4 * w, endpoint[row + REMOTE + w]!);
    view.setUint32(control + DATA + In6Pktinfo.address + 4 * w, endpoint[row + LOCAL + w]!);
  }
  headers.setLengths(n, SockaddrIn6.size, CONTROL6_SIZE);
};
