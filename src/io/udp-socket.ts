// A listening UDP socket, opened by the control thread and used by a shard through its file descriptor. It reports the local address
// of every datagram, so that the answer leaves from the very address the client wrote to: only that one passes the client's NAT, and
// on a wildcard or an anycast address the kernel would otherwise choose another.

import { Arena } from '../base/arena.ts';
import { check, Errno, systemError } from './errno.ts';
import * as native from './native.ts';
import { type Address, Family, parseAddress } from './socket-address.ts';
import { SockaddrIn, SockaddrIn6 } from './structs.ts';

const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const MEMINFO_SIZE = 36;
const MEMINFO_DROPS = 32;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_OMIT = 5;
const IPPROTO_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_PMTUDISC_DONT = 0;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;

/** How to open a socket. */
export interface UdpSocketOptions {
  /** An IPv4 or IPv6 address, wildcards included; IPv6 sockets never take IPv4 datagrams. */
  readonly address: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Lets several sockets share the address, each with its own queue. */
  readonly reusePort?: boolean;
  /** Octets of the kernel's queue in each direction. */
  readonly bufferSize?: number;
}

/** An open socket; file descriptors belong to the process, so any thread may use {@link fd} until {@link close}. */
export interface UdpSocket {
  readonly fd: number;
  readonly family: Family;
  readonly address: string;
  readonly port: number;
  /** Datagrams that the kernel dropped since the socket was opened because nobody fetched them in time; wraps at 2^32. */
  receiveDrops(): number;
  close(): void;
}

const cures: Readonly<Record<number, string>> = {
  [Errno.EADDRINUSE]: 'another process listens there (see `ss -ulpn`); stop it or choose another port in satp.listen',
  [Errno.EADDRNOTAVAIL]: 'this host does not have the address; add it (`ip address add`) or correct satp.listen',
  [Errno.EACCES]: 'ports below 1024 need root or CAP_NET_BIND_SERVICE',
  [Errno.EAFNOSUPPORT]: 'this host has IPv6 switched off; remove the address from satp.listen',
  [Errno.EINVAL]: 'a link-local address needs its interface, as in fe80::1%eth0',
};

/** Opens and binds a socket. @throws {GatewayError} ERR_SOCKET */
export const openUdpSocket = (options: UdpSocketOptions): UdpSocket => {
  const { address, port, reusePort = false, bufferSize = 4 << 20 } = options;
  const name = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const parsed = parseAddress(address);
  const { family } = parsed;
  const fail = (call: string): never => {
    const number = native.errno();
    throw systemError('ERR_SOCKET', call, name, number, cures[number]);
  };
  const fd = native.socket(family, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0);
  if (fd < 0) fail('socket');
  try {
    const set = (level: number, option: number, value: number): boolean => setOption(fd, level, option, value);
    if (reusePort && !set(SOL_SOCKET, SO_REUSEPORT, 1)) fail('setsockopt SO_REUSEPORT');
    // Beyond the system's limit only with CAP_NET_ADMIN; without it the limit is what there is.
    if (!set(SOL_SOCKET, SO_RCVBUFFORCE, bufferSize)) set(SOL_SOCKET, SO_RCVBUF, bufferSize);
    if (!set(SOL_SOCKET, SO_SNDBUFFORCE, bufferSize)) set(SOL_SOCKET, SO_SNDBUF, bufferSize);
    if (family === Family.inet) {
      if (!set(IPPROTO_IP, IP_PKTINFO, 1)) fail('setsockopt IP_PKTINFO');
      // Datagrams may be fragmented on their way, and nobody can shrink them by forged ICMP errors, which reach any anycast node.
      if (!set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)) fail('setsockopt IP_MTU_DISCOVER');
    } else {
      if (!set(IPPROTO_IPV6, IPV6_V6ONLY, 1)) fail('setsockopt IPV6_V6ONLY');
      if (!set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)) fail('setsockopt IPV6_RECVPKTINFO');
      // IPv6 routers never fragment: the kernel must learn the path's MTU and fragment here.
      if (!set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)) fail('setsockopt IPV6_MTU_DISCOVER');
    }
    if (native.bind(fd, scratch.address, writeSocketAddress(parsed, port)) < 0) fail('bind');
    return { fd, family, address, port: boundPort(fd), receiveDrops: () => receiveDrops(fd), close: () => close(fd) };
  } catch (error) {
    native.close(fd);
    throw error;
  }
};

const scratch = new Arena(64);
native.pin(scratch);
const VALUE_LENGTH = 60;

const setOption = (fd: number, level: number, option: number, value: number): boolean => {
  scratch.view.setInt32(0, value, true);
  return native.setsockopt(fd, level, option, scratch.address, 4) === 0;
};

/** Puts the address at the scratch arena's beginning and returns its length. */
const writeSocketAddress = ({ family, words, scope }: Address, port: number): number => {
  const { bytes, view } = scratch;
  bytes.fill(0);
  view.setUint16(SockaddrIn.family, family, true);
  view.setUint16(SockaddrIn.port, port);
  if (family === Family.inet) {
    view.setUint32(SockaddrIn.address, words[0]);
    return SockaddrIn.size;
  }
  for (const [w, word] of words.entries()) view.setUint32(SockaddrIn6.address + 4 * w, word);
  view.setUint32(SockaddrIn6.scope, scope, true);
  return SockaddrIn6.size;
};

const boundPort = (fd: number): number => {
  scratch.view.setUint32(VALUE_LENGTH, SockaddrIn6.size, true);
  check(
    native.getsockname(fd, scratch.address, scratch.address + VALUE_LENGTH),
    'getsockname',
    'a socket',
    'ERR_SOCKET',
  );
  return scratch.view.getUint16(SockaddrIn6.port);
};

const receiveDrops = (fd: number): number => {
  scratch.view.setUint32(VALUE_LENGTH, MEMINFO_SIZE, true);
  check(
    native.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, scratch.address, scratch.address + VALUE_LENGTH),
    'getsockopt SO_MEMINFO',
    'a socket',
    'ERR_SOCKET',
  );
  return scratch.view.getUint32(MEMINFO_DROPS, true);
};

const close = (fd: number): void => {
  native.close(fd);
};
