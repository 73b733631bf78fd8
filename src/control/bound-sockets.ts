// Which ports of the host its own programs wait on, from /proc/net (proc_pid_net(5)). Only what can receive from anybody counts: a
// listening TCP socket, a UDP socket that is bound but not connected.

import { type Ip4, ip4 } from '../wire/addr.ts';

/** A socket that waits for anybody's packets by IPv4. */
export interface BoundSocket {
  readonly protocol: 'tcp' | 'udp';
  /** 0.0.0.0 for any. */
  readonly address: Ip4;
  readonly port: number;
}

const LISTEN = '0A';
const UNCONNECTED = '07';
const V4_MAPPED = '0000000000000000FFFF0000';

/** The kernel prints the address's words in the machine's order; every machine we run on is little-endian. */
const parseWord = (hex: string): Ip4 => {
  const n = Number.parseInt(hex, 16);
  return ip4((n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24));
};

const parseAddress = (hex: string): Ip4 | undefined => {
  if (hex.length === 8) return parseWord(hex);
  if (/^0+$/.test(hex)) return ip4(0); // A dual-stack socket on [::] receives IPv4 too.
  return hex.startsWith(V4_MAPPED) ? parseWord(hex.slice(24)) : undefined;
};

/** Parses the content of /proc/net/tcp, tcp6, udp or udp6. */
export const parseBoundSockets = (protocol: 'tcp' | 'udp', text: string): BoundSocket[] => {
  const sockets: BoundSocket[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local = '', , state] = line.trim().split(/\s+/);
    if (state !== (protocol === 'tcp' ? LISTEN : UNCONNECTED)) continue;
    const [addressHex = '', portHex = ''] = local.split(':');
    const address = parseAddress(addressHex);
    if (address !== undefined) sockets.push({ protocol, address, port: Number.parseInt(portHex, 16) });
  }
  return sockets;
};
