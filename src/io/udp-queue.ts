// Datagrams between a UDP socket and batches, many a system call: recvmmsg writes straight into the batch's slots, sendmmsg reads
// straight from where the packets lie. One datagram that the kernel refuses costs that datagram alone.

import { Arena } from '../base/arena.ts';
import { PACKET_SIZE, type PacketBatch, Verdict } from '../base/batch.ts';
import { DropReason } from '../base/drop-reason.ts';
import { ENDPOINT_WORDS, EndpointWord } from '../base/endpoint.ts';
import { readEndpoint, writeEndpoint } from './endpoint-codec.ts';
import { Errno, systemError } from './errno.ts';
import { MessageHeaders } from './message-headers.ts';
import { errno, pin, poll, recvmmsg, sendmmsg } from './native.ts';
import type { DatagramQueue } from './queue.ts';
import type { Family } from './socket-address.ts';
import { Pollfd } from './structs.ts';

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const POLLOUT = 4;
// Implementation: a full send queue drains within microseconds; whoever waits longer delays every client.
const SEND_PATIENCE_MS = 1;
const RECEIVE_TRIES = 4;

/** One UDP socket as a {@link DatagramQueue}. It owns no file descriptor: whoever opened the socket closes it. */
export class UdpQueue implements DatagramQueue {
  readonly #fd: number;
  readonly #family: Family;
  readonly #index: number;
  readonly #batches: PacketBatch[] = [];
  readonly #received: MessageHeaders[] = [];
  #sending: MessageHeaders = new MessageHeaders(1);
  /** Slot of the packet that each header of {@link #sending} is for. */
  #slots: Int32Array = new Int32Array(1);
  readonly #pollfd: Arena = new Arena(Pollfd.size);

  /** `index` is this socket's number in the endpoints it makes and takes. */
  constructor(fd: number, family: Family, index: number) {
    this.#fd = fd;
    this.#family = family;
    this.#index = index;
    pin(this.#pollfd);
    this.#pollfd.view.setInt32(Pollfd.fd, fd, true);
    this.#pollfd.view.setInt16(Pollfd.events, POLLOUT, true);
  }

  /** @throws {GatewayError} ERR_SOCKET when the socket was closed. */
  receive(b: PacketBatch): number {
    const headers = this.#received[this.#indexOf(b)]!;
    const first = b.count;
    if (first === b.capacity) return 0;
    let n = -1;
    for (let tries = 0; n < 0; tries++) {
      n = recvmmsg(this.#fd, headers.address(first), b.capacity - first, MSG_DONTWAIT, 0);
      if (n < 0 && !this.#mayRetry(tries)) return 0;
    }
    for (let i = first; i < first + n; i++) {
      b.accept(headers.length(i));
      b.endpoint[i * ENDPOINT_WORDS + EndpointWord.socket] = this.#index;
      readEndpoint(this.#family, headers, i, b.endpoint, i);
      if (headers.flags(i) & MSG_TRUNC) b.drop(i, DropReason.satpTruncated);
      headers.reset(i);
    }
    return n;
  }

  send(b: PacketBatch): void {
    this.#reserve(b);
    let n = 0;
    for (let i = 0; i < b.count; i++) {
      if (b.verdict[i] !== Verdict.client || b.endpoint[i * ENDPOINT_WORDS + EndpointWord.socket] !== this.#index)
        continue;
      const at = b.at[i]!;
      this.#sending.point(n, b.arena.address + at, b.end[i]! - at);
      writeEndpoint(this.#family, this.#sending, n, b.endpoint, i);
      this.#slots[n++] = i;
    }
    if (n > 0) this.#transmit(b, n);
  }

  #transmit(b: PacketBatch, n: number): void {
    let sent = 0;
    let patient = true;
    while (sent < n) {
      const accepted = sendmmsg(this.#fd, this.#sending.address(sent), n - sent, MSG_DONTWAIT);
      if (accepted > 0) {
        sent += accepted;
        continue;
      }
      const number = errno();
      if (number === Errno.EINTR) continue;
      if (number === Errno.EAGAIN) {
        if (patient) {
          patient = false;
          poll(this.#pollfd.address, 1, SEND_PATIENCE_MS);
          continue;
        }
        // The queue is still full: it will refuse the others too.
        while (sent < n) b.drop(this.#slots[sent++]!, DropReason.ioSendFailed);
        return;
      }
      b.drop(this.#slots[sent++]!, DropReason.ioSendFailed);
    }
  }

  /** Whether a failed recvmmsg is worth another try: what fails may be the report of an earlier datagram, and is then gone. */
  #mayRetry(tries: number): boolean {
    const number = errno();
    if (number === Errno.EAGAIN || tries === RECEIVE_TRIES) return false;
    if (number === Errno.EBADF || number === Errno.ENOTSOCK) {
      throw systemError('ERR_SOCKET', 'recvmmsg', `socket ${this.#index}`, number, 'it was closed under a shard');
    }
    return true;
  }

  /** Number of `b` among the batches this queue has served; the first time its message headers are made. */
  #indexOf(b: PacketBatch): number {
    for (let i = 0; i < this.#batches.length; i++) if (this.#batches[i] === b) return i;
    pin(b.arena);
    const headers = new MessageHeaders(b.capacity);
    for (let i = 0; i < b.capacity; i++) headers.point(i, b.arena.address + b.slot(i), PACKET_SIZE);
    this.#received.push(headers);
    return this.#batches.push(b) - 1;
  }

  #reserve(b: PacketBatch): void {
    pin(b.arena);
    if (this.#slots.length >= b.capacity) return;
    this.#sending = new MessageHeaders(b.capacity);
    this.#slots = new Int32Array(b.capacity);
  }
}
