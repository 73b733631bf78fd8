// Where a shard sleeps: one poll over its sockets, its TUN queue and its doorbell. Which of them woke it does not matter, because the
// shard asks each in turn anyway.

import { Arena } from '../base/arena.ts';
import type { Duration } from '../base/time.ts';
import { Errno, systemError } from './errno.ts';
import { errno, pin, poll } from './native.ts';
import type { Waiter } from './queue.ts';
import { Pollfd } from './structs.ts';
import type { Wakeup } from './wakeup.ts';

const POLLIN = 1;
// The longest that poll can wait; nothing here is ever due later than that and unannounced.
const LONGEST_MS = 0x7fffffff;

/** A {@link Waiter} over file descriptors. */
export class Poller implements Waiter {
  readonly #wakeup: Wakeup;
  readonly #count: number;
  readonly #pollfds: Arena;

  /** Watches `fds` for input, and `wakeup`, which it silences. */
  constructor(fds: readonly number[], wakeup: Wakeup) {
    const all = [wakeup.fd, ...fds];
    this.#wakeup = wakeup;
    this.#count = all.length;
    this.#pollfds = new Arena(all.length * Pollfd.size);
    pin(this.#pollfds);
    all.forEach((fd, i) => {
      this.#pollfds.view.setInt32(i * Pollfd.size + Pollfd.fd, fd, true);
      this.#pollfds.view.setInt16(i * Pollfd.size + Pollfd.events, POLLIN, true);
    });
  }

  /** A signal may end the wait early, as input does. @throws {GatewayError} ERR_SYSCALL */
  wait(atMost: Duration): void {
    // Rounded up: waking before the time is due would only mean to sleep again.
    const milliseconds = atMost > 0 ? Math.min(Math.ceil(atMost), LONGEST_MS) : 0;
    if (poll(this.#pollfds.address, this.#count, milliseconds) < 0) {
      const number = errno();
      if (number !== Errno.EINTR) throw systemError('ERR_SYSCALL', 'poll', 'a shard’s file descriptors', number);
      return;
    }
    if (this.#pollfds.view.getInt16(Pollfd.returned, true) !== 0) this.#wakeup.drain();
  }
}
