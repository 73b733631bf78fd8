// Packets between a TUN queue and batches. The device hands out and takes one packet a system call, straight into and out of the slots.

import { PACKET_SIZE, type PacketBatch, Verdict } from '../base/batch.ts';
import { DropReason } from '../base/drop-reason.ts';
import { Errno, systemError } from './errno.ts';
import { errno, pin, read, write } from './native.ts';
import type { PacketQueue } from './queue.ts';

/** One queue of a TUN device as a {@link PacketQueue}. It owns no file descriptor: whoever opened the device closes it. */
export class TunQueue implements PacketQueue {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws {GatewayError} ERR_TUN_OPEN when the device was deleted. */
  receive(b: PacketBatch): number {
    pin(b.arena);
    const first = b.count;
    while (b.count < b.capacity) {
      const length = read(this.#fd, b.arena.address + b.slot(b.count), PACKET_SIZE);
      if (length >= 0) b.accept(length);
      else if (!this.#mayRetry()) break;
    }
    return b.count - first;
  }

  send(b: PacketBatch): void {
    pin(b.arena);
    for (let i = 0; i < b.count; i++) {
      if (b.verdict[i] !== Verdict.external) continue;
      const at = b.at[i]!;
      if (write(this.#fd, b.arena.address + at, b.end[i]! - at) < 0) b.drop(i, DropReason.ioSendFailed);
    }
  }

  #mayRetry(): boolean {
    const number = errno();
    if (number === Errno.EINTR) return true;
    if (number === Errno.EAGAIN) return false;
    throw systemError(
      'ERR_TUN_OPEN',
      'read',
      'the TUN device',
      number,
      'it was deleted while in use; restart the gateway',
    );
  }
}
