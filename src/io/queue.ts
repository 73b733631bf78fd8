// Where packets come from and go to, as the shard sees it. The kernel's queues and the in-memory ones are interchangeable.

import type { PacketBatch } from '../base/batch.ts';
import type { Duration } from '../base/time.ts';

/** Datagrams from and to clients: one UDP socket. */
export interface DatagramQueue {
  /** Adds waiting datagrams, with their endpoints, to `b` until it is full or none waits; never blocks. Returns how many it added. */
  receive(b: PacketBatch): number;
  /**
   * Sends the packets of `b` whose verdict is `client` and whose endpoint names this socket. What the kernel refuses is dropped
   * with `ioSendFailed`.
   */
  send(b: PacketBatch): void;
}

/** IPv4 packets from and to the Internet: one TUN queue. */
export interface PacketQueue {
  /** Adds waiting packets to `b` until it is full or none waits; never blocks. Returns how many it added. */
  receive(b: PacketBatch): number;
  /** Writes the packets of `b` whose verdict is `external`. What the kernel refuses is dropped with `ioSendFailed`. */
  send(b: PacketBatch): void;
}

/** Blocks the thread until a queue has something, a message arrives, or time has passed. */
export interface Waiter {
  wait(atMost: Duration): void;
}
