// A shard's thread. It never returns to an event loop: it turns the shard while there are packets, reads its message port when the
// doorbell rings, and sleeps in poll. An exception ends the thread; the supervisor starts another.

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Cell, ClientState, type Counters } from '../base/counters.ts';
import { after, type Instant, milliseconds, seconds } from '../base/time.ts';
import { monotonicClock } from '../io/clock.ts';
import { Poller } from '../io/poller.ts';
import { TunQueue } from '../io/tun-queue.ts';
import { UdpQueue } from '../io/udp-queue.ts';
import { Wakeup } from '../io/wakeup.ts';
import { Assembly } from './assembly.ts';
import type { FromShard, ShardStart, ToShard } from './messages.ts';
import { SenderIdRequests } from './sender-id-requests.ts';
import { Shard } from './shard.ts';
import { HEARD_WITHIN, readTable, type TableSources } from './table-pages.ts';

/** How often what is not done per packet is done: client states, sender ids that run out. */
const CHORES_EVERY = seconds(1);

class ShardThread {
  readonly #start: ShardStart;
  readonly #port: MessagePort;
  readonly #counters: Counters;
  readonly #assembly: Assembly;
  readonly #tables: TableSources;
  readonly #shard: Shard;
  readonly #poller: Poller;
  readonly #senderIdRequests = new SenderIdRequests();
  #choresAt: Instant = 0 as Instant;
  #isStopping = false;

  constructor(start: ShardStart) {
    const { settings, shared, port } = start;
    const families = start.sockets.map((s) => s.family);
    this.#start = start;
    this.#port = port;
    this.#counters = shared.counters;
    this.#assembly = new Assembly(settings, shared.counters, shared.lines, monotonicClock.now());
    this.#tables = { ...this.#assembly, families };
    const sockets = start.sockets.map(({ fd, family }, i) => new UdpQueue(fd, family, i));
    const tun = new TunQueue(start.tunFd);
    this.#shard = new Shard(this.#assembly.stages, { sockets, tun }, shared.counters);
    const fds = [...start.sockets.map((s) => s.fd), start.tunFd];
    this.#poller = new Poller(fds, new Wakeup(start.wakeupFd));
  }

  /** Runs until it is told to stop. */
  run(): void {
    const counters = this.#counters;
    this.#say({ kind: 'ready' });
    let now = monotonicClock.now();
    while (!this.#isStopping) {
      const packets = this.#shard.turn(now);
      if (Atomics.exchange(this.#start.shared.doorbell, 0, 0) !== 0) this.#hear(now);
      if (now >= this.#choresAt) this.#doChores(now);
      // Told at every turn: a shard that is never idle is the one whose business matters.
      const done = monotonicClock.now();
      counters[Cell.shardBusySeconds]! += (done - now) / 1000;
      now = done;
      if (packets > 0) continue;
      const wakeAt = Math.min(this.#shard.expireAt, this.#choresAt);
      this.#poller.wait(milliseconds(Math.max(0, wakeAt - now)));
      const awake = monotonicClock.now();
      counters[Cell.shardIdleSeconds]! += (awake - now) / 1000;
      now = awake;
    }
    this.#port.close();
  }

  #say(message: FromShard): void {
    this.#port.postMessage(message);
  }

  #hear(now: Instant): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: ToShard } | undefined;
      if (received === undefined) return;
      this.#obey(received.message, now);
    }
  }

  #obey(message: ToShard, now: Instant): void {
    switch (message.kind) {
      case 'apply':
        this.#assembly.apply(message.settings, now);
        // Rows may be other clients' by now, and what could not be given the last time may be there.
        this.#senderIdRequests.clear();
        this.#say({ kind: 'applied', id: message.id });
        return;
      case 'reset': {
        const { satp } = this.#assembly.stages;
        const row = satp.rowOf(message.mux);
        if (row >= 0) satp.reset(row);
        this.#say({ kind: 'applied', id: message.id });
        return;
      }
      case 'query':
        this.#say({ kind: 'page', id: message.id, page: readTable(this.#tables, message.query, now) });
        return;
      case 'senderId': {
        const { satp } = this.#assembly.stages;
        const row = satp.rowOf(message.mux);
        this.#senderIdRequests.settle(row);
        if (row >= 0 && satp.needsSenderId(row)) satp.setSenderId(row, message.senderId);
        return;
      }
      case 'stop':
        this.#isStopping = true;
        return;
    }
  }

  #doChores(now: Instant): void {
    const { stages, roster } = this.#assembly;
    const { satp } = stages;
    const { connected, unproven, unheard } = satp.count(HEARD_WITHIN, now);
    this.#counters[Cell.tunnelClients + ClientState.connected] = connected;
    this.#counters[Cell.tunnelClients + ClientState.unproven] = unproven;
    this.#counters[Cell.tunnelClients + ClientState.unheard] = unheard;
    for (let row = 0; row < roster.highWater; row++) {
      if (!satp.needsSenderId(row) || !this.#senderIdRequests.ask(row, now)) continue;
      this.#say({ kind: 'needSenderId', mux: satp.view(row)!.mux });
    }
    this.#choresAt = after(now, CHORES_EVERY);
  }
}

new ShardThread(workerData as ShardStart).run();
