// Underlay addresses: text from the configuration into a socket address for the kernel, and a row of an endpoint column into text for
// people. The C library's own inet_pton does the parsing, so what `ping` takes is taken here.

import { Arena } from '../base/arena.ts';
import { ENDPOINT_WORDS, EndpointWord } from '../base/endpoint.ts';
import { GatewayError } from '../base/errors.ts';
import { ifNameToIndex, inetPton, pin } from './native.ts';
import { SockaddrIn, SockaddrIn6 } from './structs.ts';

/** Address families as the kernel numbers them. */
export const Family = { inet: 2, inet6: 10 } as const;
export type Family = (typeof Family)[keyof typeof Family];

/** A socket address in its own pinned memory; {@link length} octets of {@link arena}. */
export interface SocketAddress {
  readonly family: Family;
  readonly arena: Arena;
  readonly length: number;
}

/** Parses an IPv4 or IPv6 address, the latter with `%interface` if it is link-local. @throws {GatewayError} ERR_SOCKET */
export const parseSocketAddress = (address: string, port: number): SocketAddress => {
  const arena = new Arena(SockaddrIn6.size);
  pin(arena);
  const { view } = arena;
  view.setUint16(SockaddrIn6.port, port);
  if (inetPton(Family.inet, address, arena.address + SockaddrIn.address) === 1) {
    view.setUint16(SockaddrIn.family, Family.inet, true);
    return { family: Family.inet, arena, length: SockaddrIn.size };
  }
  const [host = '', zone, ...rest] = address.split('%');
  if (rest.length > 0 || inetPton(Family.inet6, host, arena.address + SockaddrIn6.address) !== 1) {
    throw new GatewayError(
      'ERR_SOCKET',
      `"${address}" is no IPv4 or IPv6 address; names are not looked up, write the address itself`,
    );
  }
  if (zone !== undefined) {
    const index = ifNameToIndex(zone);
    if (index === 0) throw new GatewayError('ERR_SOCKET', `there is no interface "${zone}", which "${address}" names`);
    view.setUint32(SockaddrIn6.scope, index, true);
  }
  view.setUint16(SockaddrIn6.family, Family.inet6, true);
  return { family: Family.inet6, arena, length: SockaddrIn6.size };
};

/** Formats an address of four words as RFC 5952 wants it; IPv4 is in word 0 and `family` tells which it is. */
export const formatAddress = (family: Family, words: ArrayLike<number>, at: number): string => {
  if (family === Family.inet) {
    const a = words[at]!;
    return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;
  }
  const groups: string[] = [];
  for (let i = 0; i < 8; i++) groups.push(((words[at + (i >> 1)]! >>> (i & 1 ? 0 : 16)) & 0xffff).toString(16));
  return compress(groups);
};

/** Formats the remote endpoint of row `i` of an endpoint column: `192.0.2.1:4444`, `[2001:db8::1]:4444`, `[fe80::1%2]:4444`. */
export const formatRemote = (family: Family, endpoints: Uint32Array, i: number): string => {
  const at = i * ENDPOINT_WORDS;
  const address = formatAddress(family, endpoints, at + EndpointWord.remoteAddress);
  const port = endpoints[at + EndpointWord.remotePort]!;
  const scope = endpoints[at + EndpointWord.scope]!;
  return family === Family.inet ? `${address}:${port}` : `[${address}${scope === 0 ? '' : `%${scope}`}]:${port}`;
};

/** RFC 5952 §4.2: the longest run of two or more zero groups, the first of equals, becomes `::`. */
const compress = (groups: readonly string[]): string => {
  let bestAt = -1;
  let bestLength = 1;
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === '0') length++;
    if (length > bestLength) {
      bestAt = at;
      bestLength = length;
    }
  }
  if (bestAt < 0) return groups.join(':');
  return `${groups.slice(0, bestAt).join(':')}::${groups.slice(bestAt + bestLength).join(':')}`;
};
