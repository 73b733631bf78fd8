// A doorbell between threads: an eventfd that a poll watches. Writing to it wakes a shard that sleeps, and a shard that does not
// sleep finds it rung at its next poll, so no wake-up is ever lost.

import { Arena } from '../base/arena.ts';
import { check } from './errno.ts';
import { close, eventfd, pin, read, write } from './native.ts';

const EFD_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const VALUE_SIZE = 8;

/** One end of a doorbell; each thread that uses it makes its own from the same file descriptor. */
export class Wakeup {
  readonly fd: number;
  readonly #value: Arena = new Arena(2 * VALUE_SIZE);

  constructor(fd: number) {
    this.fd = fd;
    pin(this.#value);
    this.#value.view.setUint32(0, 1, true);
  }

  /** Rings: the poll that watches {@link fd} returns now, or at once when it next begins. */
  signal(): void {
    write(this.fd, this.#value.address, VALUE_SIZE);
  }

  /** Silences the doorbell; what was rung until now counts as heard. */
  drain(): void {
    read(this.fd, this.#value.address + VALUE_SIZE, VALUE_SIZE);
  }

  /** Closes the file descriptor, for all threads. */
  close(): void {
    close(this.fd);
  }
}

/** Opens a doorbell. @throws {GatewayError} ERR_SYSCALL */
export const openWakeup = (): Wakeup => new Wakeup(check(eventfd(0, EFD_CLOEXEC_NONBLOCK), 'eventfd', 'a doorbell'));
