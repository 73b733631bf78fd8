// Underlay addresses as text: from the configuration into words, and from an endpoint's words for people. The C library's own
// inet_pton does the parsing, so what `ping` takes is taken here. Names are never looked up.

import { Arena } from '../base/arena.ts';
import { ENDPOINT_WORDS, EndpointWord } from '../base/endpoint.ts';
import { GatewayError } from '../base/errors.ts';
import { ifNameToIndex, inetPton, pin } from './native.ts';

/** Address families as the kernel numbers them. */
export const Family = { inet: 2, inet6: 10 } as const;
export type Family = (typeof Family)[keyof typeof Family];

/** An IPv4 or IPv6 address. */
export interface Address {
  readonly family: Family;
  /** Four host-order words; IPv4 is in the first, the rest 0. */
  readonly words: readonly [number, number, number, number];
  /** Index of the interface that a link-local IPv6 address belongs to; 0 otherwise. */
  readonly scope: number;
}

const parsed = new Arena(16);
pin(parsed);

/** Parses an IPv4 or IPv6 address, the latter with `%interface` if it is link-local. @throws {GatewayError} ERR_SOCKET */
export const parseAddress = (text: string): Address => {
  const { view } = parsed;
  if (inetPton(Family.inet, text, parsed.address) === 1) {
    return { family: Family.inet, words: [view.getUint32(0), 0, 0, 0], scope: 0 };
  }
  const [host = '', zone, ...rest] = text.split('%');
  if (rest.length > 0 || inetPton(Family.inet6, host, parsed.address) !== 1) {
    throw new GatewayError(
      'ERR_SOCKET',
      `"${text}" is no IPv4 or IPv6 address; names are not looked up, write the address itself`,
    );
  }
  const words = [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)] as const;
  const scope = zone === undefined ? 0 : ifNameToIndex(zone);
  if (zone !== undefined && scope === 0) {
    throw new GatewayError('ERR_SOCKET', `there is no interface "${zone}", which "${text}" names`);
  }
  return { family: Family.inet6, words, scope };
};

/** One row of an endpoint column: a datagram from `remote` that arrived on socket number `socket` at address `local`. */
export const endpointOf = (socket: number, remote: string, remotePort: number, local: string): Uint32Array => {
  const row = new Uint32Array(ENDPOINT_WORDS);
  const { words, scope } = parseAddress(remote);
  row[EndpointWord.socket] = socket;
  row[EndpointWord.remotePort] = remotePort;
  row.set(words, EndpointWord.remoteAddress);
  row.set(parseAddress(local).words, EndpointWord.localAddress);
  row[EndpointWord.scope] = scope;
  return row;
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
