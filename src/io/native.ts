// The C library, function by function. Every pointer is a plain number, so that a call allocates nothing and costs 20 to 40 ns above
// the system call's own price. Results are the C library's: negative means failure, and `errno()`, read at once, says which.
// Memory handed to the kernel lives in arenas that `pin` has made known; nothing else has an address here.

import koffi from 'koffi';
import type { Arena } from '../base/arena.ts';
import { GatewayError } from '../base/errors.ts';

if (process.platform !== 'linux' || !['x64', 'arm64', 'riscv64'].includes(process.arch)) {
  throw new GatewayError(
    'ERR_LIBRARY',
    `system calls are laid out for 64-bit little-endian Linux (x64, arm64, riscv64), and this is ${process.platform} on ${process.arch}; run the gateway on one of these`,
  );
}

// The process itself: whichever C library node was linked to, glibc or musl, is already in it.
const libc = koffi.load(null);

const define = (definition: string): ReturnType<typeof libc.func> => {
  try {
    return libc.func(definition);
  } catch (cause) {
    throw new GatewayError(
      'ERR_LIBRARY',
      `the C library lacks \`${definition}\`; use a node that is linked to glibc or musl dynamically`,
      { cause },
    );
  }
};

/** `fcntl(2)` with an integer argument. */
export const fcntl: (fd: number, command: number, argument: number) => number = define('int fcntl(int, int, intptr_t)');
export const open: (path: string, flags: number) => number = define('int open(const char*, int)');
export const close: (fd: number) => number = define('int close(int)');
/** `ioctl(2)` with the address of its argument. */
export const ioctl: (fd: number, request: number, address: number) => number = define(
  'int ioctl(int, ulong, uintptr_t)',
);
export const read: (fd: number, address: number, length: number) => number = define(
  'intptr_t read(int, uintptr_t, size_t)',
);
export const write: (fd: number, address: number, length: number) => number = define(
  'intptr_t write(int, uintptr_t, size_t)',
);
export const poll: (pollfds: number, count: number, milliseconds: number) => number = define(
  'int poll(uintptr_t, ulong, int)',
);
export const eventfd: (initial: number, flags: number) => number = define('int eventfd(uint, int)');
export const flock: (fd: number, operation: number) => number = define('int flock(int, int)');
export const socket: (family: number, type: number, protocol: number) => number = define('int socket(int, int, int)');
export const bind: (fd: number, sockaddr: number, length: number) => number = define('int bind(int, uintptr_t, uint)');
export const getsockname: (fd: number, sockaddr: number, lengthAddress: number) => number = define(
  'int getsockname(int, uintptr_t, uintptr_t)',
);
export const setsockopt: (fd: number, level: number, option: number, address: number, length: number) => number =
  define('int setsockopt(int, int, int, uintptr_t, uint)');
export const getsockopt: (fd: number, level: number, option: number, address: number, lengthAddress: number) => number =
  define('int getsockopt(int, int, int, uintptr_t, uintptr_t)');
/** `recvmmsg(2)`; its timeout argument does not do what it says, so it is not offered. */
export const recvmmsg: (fd: number, headers: number, count: number, flags: number, timeout: 0) => number = define(
  'int recvmmsg(int, uintptr_t, uint, int, uintptr_t)',
);
export const sendmmsg: (fd: number, headers: number, count: number, flags: number) => number = define(
  'int sendmmsg(int, uintptr_t, uint, int)',
);
/** `inet_pton(3)`: 1 if `text` is an address of `family`, which is then at `address` in network order. */
export const inetPton: (family: number, text: string, address: number) => number = define(
  'int inet_pton(int, const char*, uintptr_t)',
);
/** `if_nametoindex(3)`: 0 if there is no such interface. */
export const ifNameToIndex: (name: string) => number = define('uint if_nametoindex(const char*)');

/** `capget(2)`. */
export const capget: (header: number, data: number) => number = define('int capget(uintptr_t, uintptr_t)');
/** `capset(2)`; for the calling thread alone. */
export const capset: (header: number, data: number) => number = define('int capset(uintptr_t, uintptr_t)');
/** `prctl(2)`; for the calling thread alone where the option is a thread's. */
export const prctl: (option: number, a: number, b: number, c: number, d: number) => number = define(
  'int prctl(int, ulong, ulong, ulong, ulong)',
);

/** `adjtimex(2)`: the state of the clock, TIME_ERROR (5) if nothing keeps it right. */
export const adjtimex: (timex: number) => number = define('int adjtimex(uintptr_t)');

/** Why the last call of this thread failed, see `errno.ts`; valid only right after it. */
export const errno = (): number => koffi.errno();
/** The platform's errno numbers by name, aliases included. */
export const errnoNumbers: Readonly<Record<string, number>> = koffi.os.errno;

// An address does not keep its memory alive: what the collector frees, the kernel would still write to.
const pinned: Uint8Array[] = [];

/** Sets `arena.address` and keeps the arena for as long as this thread lives; does nothing the second time. */
export const pin = (arena: Arena): void => {
  if (arena.address !== 0) return;
  arena.address = Number(koffi.address(arena.bytes));
  pinned.push(arena.bytes);
};

/** Members of a C struct, in order: the C type by name, or a struct within. */
export interface StructMembers {
  readonly [name: string]: string | StructMembers;
}

const structOf = (members: StructMembers): ReturnType<typeof koffi.struct> =>
  koffi.struct(
    Object.fromEntries(
      Object.entries(members).map(([name, type]) => [name, typeof type === 'string' ? type : structOf(type)]),
    ),
  );

/** The layout that this platform's C rules give a struct of `members`. */
export const layoutOf = (
  members: StructMembers,
): { readonly size: number; readonly offsets: Readonly<Record<string, number>> } => {
  const type = structOf(members);
  const offsets = Object.fromEntries(Object.keys(members).map((name) => [name, koffi.offsetof(type, name)]));
  return { size: koffi.sizeof(type), offsets };
};
