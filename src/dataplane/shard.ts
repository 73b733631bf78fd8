// One turn of a shard: what waits on each socket and on the TUN queue is taken a batch at a time through the packet's path, and sent.

import { PacketBatch } from '../base/batch.ts';
import { Cell, type Counters, dropCells } from '../base/counters.ts';
import { Direction } from '../base/protocol.ts';
import { after, type Instant, seconds } from '../base/time.ts';
import type { DatagramQueue, PacketQueue } from '../io/queue.ts';
import { relayInbound, relayOutbound, type Stages } from './pipeline.ts';

/** Packets a batch holds at the most: enough to spread a system call's cost, few enough to stay in the first-level caches. */
export const BATCH_CAPACITY = 64;
/** Rows that one turn may expire, so that a flood of expiries never holds up packets. */
const EXPIRY_BUDGET = 256;
/** How late an expiry may come. */
const EXPIRY_PERIOD = seconds(1);

/** The queues a shard works on. */
export interface ShardQueues {
  readonly sockets: readonly DatagramQueue[];
  readonly tun: PacketQueue;
}

/** Moves packets between its queues; holds no other state than its batches. */
export class Shard {
  readonly #stages: Stages;
  readonly #queues: ShardQueues;
  readonly #counters: Counters;
  readonly #fromClients: PacketBatch;
  readonly #fromInternet: PacketBatch;
  #expireAt: Instant = 0 as Instant;

  constructor(stages: Stages, queues: ShardQueues, counters: Counters) {
    this.#stages = stages;
    this.#queues = queues;
    this.#counters = counters;
    this.#fromClients = new PacketBatch(BATCH_CAPACITY, dropCells(counters, Direction.outbound));
    this.#fromInternet = new PacketBatch(BATCH_CAPACITY, dropCells(counters, Direction.inbound));
  }

  /** When {@link turn} wants to be called even if no packet comes. */
  get expireAt(): Instant {
    return this.#expireAt;
  }

  /** Takes one batch from every queue; returns how many packets there were. */
  turn(now: Instant): number {
    const { sockets, tun } = this.#queues;
    let packets = 0;
    for (let s = 0; s < sockets.length; s++) packets += this.#serveClients(sockets[s]!, now);
    packets += this.#serveInternet(tun, now);
    if (now >= this.#expireAt) {
      const next = this.#stages.nat.expire(now, EXPIRY_BUDGET);
      this.#expireAt = next < now + EXPIRY_PERIOD ? next : after(now, EXPIRY_PERIOD);
    }
    this.#counters[Cell.shardLoops]!++;
    return packets;
  }

  #serveClients(socket: DatagramQueue, now: Instant): number {
    const b = this.#fromClients;
    b.clear();
    const received = socket.receive(b);
    if (b.count === 0) return received;
    relayOutbound(this.#stages, b, now);
    this.#queues.tun.send(b);
    this.#sendToClients(b);
    return received;
  }

  #serveInternet(tun: PacketQueue, now: Instant): number {
    const b = this.#fromInternet;
    b.clear();
    const received = tun.receive(b);
    if (b.count === 0) return received;
    relayInbound(this.#stages, b, now);
    this.#sendToClients(b);
    return received;
  }

  #sendToClients(b: PacketBatch): void {
    const { sockets } = this.#queues;
    for (let s = 0; s < sockets.length; s++) sockets[s]!.send(b);
  }
}
