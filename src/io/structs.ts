// The kernel's structures as offsets into an arena. Each is declared once; at load every offset is held against the layout that the
// platform's C rules give the same members, so that a platform that differs is refused instead of corrupting memory.

import type { Arena } from '../base/arena.ts';
import { GatewayError } from '../base/errors.ts';
import { layoutOf, type StructMembers } from './native.ts';

/** `struct sockaddr_in`; port and address in network order. */
export const SockaddrIn = { size: 16, family: 0, port: 2, address: 4 } as const;
/** `struct sockaddr_in6`; port and address in network order, scope in host order. */
export const SockaddrIn6 = { size: 28, family: 0, port: 2, flow: 4, address: 8, scope: 24 } as const;
/** `struct iovec`. */
export const Iovec = { size: 16, base: 0, length: 8 } as const;
/** `struct msghdr`. */
export const Msghdr = {
  size: 56,
  name: 0,
  nameLength: 8,
  iovecs: 16,
  iovecCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const;
/** `struct mmsghdr`: a {@link Msghdr} and the length of the datagram received. */
export const Mmsghdr = { size: 64, header: 0, length: 56 } as const;
/** `struct cmsghdr`; the data follows at `size`, the next header at the next multiple of 8. */
export const Cmsghdr = { size: 16, length: 0, level: 8, type: 12 } as const;
/** `struct in_pktinfo`; addresses in network order. */
export const InPktinfo = { size: 12, interface: 0, local: 4, destination: 8 } as const;
/** `struct in6_pktinfo`; the address in network order. */
export const In6Pktinfo = { size: 20, address: 0, interface: 16 } as const;
/** `struct pollfd`. */
export const Pollfd = { size: 8, fd: 0, events: 4, returned: 6 } as const;
/** `struct ifreq` as far as it is used here: the name, then flags, an MTU or a sockaddr. */
export const Ifreq = { size: 40, name: 0, value: 16 } as const;

const msghdr = {
  name: 'uintptr_t',
  nameLength: 'uint',
  iovecs: 'uintptr_t',
  iovecCount: 'size_t',
  control: 'uintptr_t',
  controlLength: 'size_t',
  flags: 'int',
} as const;

const declared: readonly (readonly [name: string, layout: Readonly<Record<string, number>>, members: StructMembers])[] =
  [
    ['sockaddr_in', SockaddrIn, { family: 'uint16_t', port: 'uint16_t', address: 'uint32_t', zero: 'uint8_t [8]' }],
    [
      'sockaddr_in6',
      SockaddrIn6,
      { family: 'uint16_t', port: 'uint16_t', flow: 'uint32_t', address: 'uint32_t [4]', scope: 'uint32_t' },
    ],
    ['iovec', Iovec, { base: 'uintptr_t', length: 'size_t' }],
    ['msghdr', Msghdr, msghdr],
    ['mmsghdr', Mmsghdr, { header: msghdr, length: 'uint' }],
    ['cmsghdr', Cmsghdr, { length: 'size_t', level: 'int', type: 'int' }],
    ['in_pktinfo', InPktinfo, { interface: 'int', local: 'uint32_t', destination: 'uint32_t' }],
    ['in6_pktinfo', In6Pktinfo, { address: 'uint32_t [4]', interface: 'uint' }],
    ['pollfd', Pollfd, { fd: 'int', events: 'short', returned: 'short' }],
    ['ifreq', Ifreq, { name: 'char [16]', value: 'uint64_t [3]' }],
  ];

/** Throws unless a struct of `members` has the size and offsets of `layout` here. @throws {GatewayError} ERR_LIBRARY */
export const checkLayout = (name: string, layout: Readonly<Record<string, number>>, members: StructMembers): void => {
  const actual = layoutOf(members);
  for (const [member, offset] of Object.entries(layout)) {
    const found = member === 'size' ? actual.size : actual.offsets[member];
    if (found !== offset) {
      throw new GatewayError(
        'ERR_LIBRARY',
        `struct ${name} is laid out differently here (${member} is ${found}, not ${offset}); this platform is not supported`,
      );
    }
  }
};

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new GatewayError('ERR_LIBRARY', 'this machine is big-endian; run the gateway on a little-endian one');
}
for (const [name, layout, members] of declared) checkLayout(name, layout, members);

/** Writes an address, or another 64-bit number below 2^53, in host order. */
export const setAddress = (view: DataView, at: number, address: number): void => {
  view.setUint32(at, address >>> 0, true);
  view.setUint32(at + 4, Math.floor(address / 4_294_967_296), true);
};

/** The address of octet `at` of a pinned arena. */
export const addressOf = (arena: Arena, at: number): number => arena.address + at;
