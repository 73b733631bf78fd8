// Where the gateway listens, as text: `192.0.2.1:4444`, `[2001:db8::1]:4444`, and for HTTP also `unix:/run/anygate.sock`.
// Only address literals are taken: a listening socket that depends on a name server is one that does not come up after a power cut.

import { isIPv4, isIPv6 } from 'node:net';

/** An address and port of this host. */
export interface ListenAddress {
  readonly family: 4 | 6;
  /** A literal without brackets; of IPv6 perhaps with a scope (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
}

/** Where HTTP is served. */
export type HttpListen =
  | ({ readonly kind: 'tcp'; readonly isLoopback: boolean } & ListenAddress)
  | { readonly kind: 'unix'; readonly path: string };

/** Parses `a.b.c.d:port` or `[v6]:port`; a text that says what is wrong if it is neither. Port 0 is refused unless `mayBeZero`. */
export const parseListenAddress = (text: string, mayBeZero = false): ListenAddress | string => {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) {
    if (isIPv6(text) || isIPv4(text)) return 'has no port; write 192.0.2.1:4444 or [2001:db8::1]:4444';
    return 'must be an address and a port: 192.0.2.1:4444 or [2001:db8::1]:4444';
  }
  const [, v6, v4 = '', portText] = match;
  const port = Number(portText);
  if (port > 65535 || (port === 0 && !mayBeZero)) return 'the port must be between 1 and 65535';
  if (v6 !== undefined) return isIPv6(v6) ? { family: 6, address: v6, port } : 'no IPv6 address stands in the brackets';
  if (!isIPv4(v4)) return 'must start with an IPv4 address, not a name (0.0.0.0 for all of this host)';
  return { family: 4, address: v4, port };
};

/** Formats `a` as {@link parseListenAddress} reads it. */
export const formatListenAddress = (a: ListenAddress): string =>
  a.family === 6 ? `[${a.address}]:${a.port}` : `${a.address}:${a.port}`;

/** Whether `a` means every address of its family. */
export const isWildcard = (a: ListenAddress): boolean => a.address === '0.0.0.0' || /^[0:]+$/.test(a.address);

const isLoopback = (a: ListenAddress): boolean =>
  a.family === 4 ? a.address.startsWith('127.') : /^[0:]*:0*1$/.test(a.address);

// Linux keeps a socket's path in 108 octets, the last of which is zero.
const LONGEST_SOCKET_PATH = 107;

/** Parses what `http.listen` may be; a text that says what is wrong if it is nothing of the kind. Port 0 is any free port. */
export const parseHttpListen = (text: string): HttpListen | string => {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/')) return 'the socket’s path must be absolute: unix:/run/anygate/http.sock';
    if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
      return `the socket’s path is longer than ${LONGEST_SOCKET_PATH} octets`;
    return path.includes('\0') ? 'the socket’s path has a zero octet' : { kind: 'unix', path };
  }
  const address = parseListenAddress(text.replace(/^localhost:/, '127.0.0.1:'), true);
  if (typeof address === 'string') return `${address}, or unix:/path`;
  return { kind: 'tcp', isLoopback: isLoopback(address), ...address };
};

/** Formats `listen` as {@link parseHttpListen} reads it. */
export const formatHttpListen = (listen: HttpListen): string =>
  listen.kind === 'unix' ? `unix:${listen.path}` : formatListenAddress(listen);
