// Failed system calls as errors that an operator can act on: the call, the object it was about, the errno's name, and the cure
// where the errno alone tells it. Whoever knows the object better passes a better cure.

import { type ErrorCode, GatewayError } from '../base/errors.ts';
import { errno, errnoNumbers } from './native.ts';

const names = new Map<number, string>();
// Of two names for one number the first in the alphabet stays: EAGAIN, not EWOULDBLOCK.
for (const [name, number] of Object.entries(errnoNumbers)) if (!names.has(number)) names.set(number, name);

/** The errno numbers that code decides by; the same on every platform that `native.ts` admits. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  EBADFD: 77,
  ENOTSOCK: 88,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENOBUFS: 105,
} as const;

const cures: Readonly<Record<string, string>> = {
  EPERM: 'run as root or grant CAP_NET_ADMIN',
  EACCES: 'check its permissions and the user the gateway runs as',
  EMFILE: 'raise the limit of open files (LimitNOFILE=, ulimit -n)',
  ENFILE: 'raise the system’s limit of open files (sysctl fs.file-max)',
  ENOMEM: 'the machine is out of memory',
  ENOSYS: 'this kernel is too old; use Linux 4.12 or newer',
  ENOSPC: 'free space on that file system',
  EROFS: 'it is on a read-only file system',
};

/** `EADDRINUSE` for 98; the number itself where the platform has no name for it. */
export const errnoName = (number: number): string => names.get(number) ?? `errno ${number}`;

/** A failed call as an error; `object` is what the call was about, `cure` what to change. */
export const systemError = (
  code: ErrorCode,
  call: string,
  object: string,
  number: number,
  cure: string | undefined = cures[errnoName(number)],
): GatewayError =>
  new GatewayError(
    code,
    `${call} of ${object} failed with ${errnoName(number)}${cure === undefined ? '' : `; ${cure}`}`,
  );

/** Returns `result` unless it is negative. @throws {GatewayError} ERR_SYSCALL, or `code` */
export const check = (result: number, call: string, object: string, code: ErrorCode = 'ERR_SYSCALL'): number => {
  if (result < 0) throw systemError(code, call, object, errno());
  return result;
};
