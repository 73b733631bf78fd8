// Packets between a TUN queue and batches. The device hands out and takes one packet a system call; readv and writev get them through
// one iovec whose address never changes, so that not even a boxed number is left for the garbage collector.

import { Arena } from '../base/arena.ts';
import { PACKET_SIZE, type PacketBatch, Verdict } from '../base/batch.ts';
import { DropReason } from '../base/drop-reason.ts';
import { Errno, systemError } from './errno.ts';
import { errno, pin, readv, writev } from './native.ts';
import type { PacketQueue } from './queue.ts';
import { Iovec, setAddress } from './structs.ts';

/** One queue of a TUN device as a {@link PacketQueue}. It owns no file descriptor: whoever opened the device closes it. */
export class TunQueue implements PacketQueue {
  readonly #fd: number;
  readonly #iovec: Arena = new Arena(Iovec.size);
  readonly #iovecAddress: bigint;

  constructor(fd: number) {
    this.#fd = fd;
    pin(this.#iovec);
    this.#iovecAddress = BigInt(this.#iovec.address);
  }

  /** @throws {GatewayError} ERR_TUN_OPEN when the device was deleted. */
  receive(b: PacketBatch): number {
    pin(b.arena);
    const first = b.count;
    while (b.count < b.capacity) {
      this.#point(b.arena.address + b.slot(b.count), PACKET_SIZE);
      const length = readv(this.#fd, this.#iovecAddress, 1);
      if (length >= 0) b.accept(length);
      else if (!this.#mayRetry()) break;
    }
    return b.count - first;
  }

  send(b: PacketBatch): void {
    pin(b.arena);
    for (let i = 0; i < b.count; i++) {
      if (b.verdict[i] !== Verdict.external) continue;
      this.#point(b.arena.address + b.at[i]!, b.end[i]! - b.at[i]!);
      if (writev(this.#fd, this.#iovecAddress, 1) < 0) b.drop(i, DropReason.ioSendFailed);
    }
  }

  #point(address: number, length: number): void {
    setAddress(this.#iovec.view, Iovec.base, address);
    this.#iovec.view.setUint32(Iovec.length, length, true);
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
