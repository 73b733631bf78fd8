// What the NAT itself costs, without system calls and ciphers: `node bench/nat-core.ts`. Sessions are hit at random, in batches of 64;
// what it costs to put the packets into the batch is measured apart and taken off. Many short rounds, of which the tenth percentile
// counts: what disturbs a round on a shared machine only ever adds.

import { performance } from 'node:perf_hooks';
import { PacketBatch, Verdict } from '../src/base/batch.ts';
import { createCounters, dropCells } from '../src/base/counters.ts';
import { Direction, IpProtocol } from '../src/base/protocol.ts';
import { SeededRandom } from '../src/base/random.ts';
import { type Instant, instant, minutes, seconds } from '../src/base/time.ts';
import { Nat44 } from '../src/nat/nat44.ts';
import type { NatPolicy } from '../src/nat/policy.ts';
import { type Ip4, ip4 } from '../src/wire/addr.ts';
import * as ipv4 from '../src/wire/ipv4.ts';

const BATCH = 64;
const CLIENTS = 64;
const LAPS = 9;
/** Packets of a round: half a millisecond or so, in which nobody else may get the processor. */
const ROUND = 4096;
const PACKETS = 1 << 20;
/** As fast as a shard is meant to be, in simulated time: idle sessions move in their expiry lists as often as they would. */
const MILLISECONDS_A_BATCH = 0.05;
const LENGTH = 64;
const POOL = 0xc6336400;
const REMOTE = ip4(0x5db8d822);
const FIRST_PORT = 1024;

const policy = (sessions: number): NatPolicy => ({
  pool: Array.from({ length: CLIENTS }, (_, i) => ip4(POOL + i)),
  ports: { low: FIRST_PORT, high: 65535 },
  filtering: ['endpoint-independent', 'endpoint-independent', 'address-dependent'],
  timeouts: {
    udp: minutes(5),
    tcpEstablished: minutes(124),
    tcpTransitory: minutes(4),
    icmp: seconds(60),
    portHoldDown: seconds(120),
  },
  quota: { ports: 65536, sessions: 65536, newSessionsPerSecond: 1e9 },
  capacity: { clients: CLIENTS, mappings: sessions, sessions },
  gatewayAddress: ip4(0x0a630001),
});

/** A NAT with `sessions` sessions of UDP, one a mapping, and the means to hit them. */
class Bench {
  readonly #nat: Nat44;
  readonly #outbound: PacketBatch;
  readonly #inbound: PacketBatch;
  readonly #order: Int32Array;
  #now = 1_000_000;
  /** Nanoseconds that opening all sessions took. */
  readonly openingTime: number;

  constructor(sessions: number) {
    const counters = createCounters();
    const random = new SeededRandom(7);
    this.#nat = new Nat44(policy(sessions), random, counters);
    this.#outbound = new PacketBatch(BATCH, dropCells(counters, Direction.outbound));
    this.#inbound = new PacketBatch(BATCH, dropCells(counters, Direction.inbound));
    this.#order = Int32Array.from({ length: PACKETS }, (_, i) => (i < sessions ? i : random.uint32() % sessions));
    // Opens all sessions in order, then shuffles the order in which they are hit.
    const start = nanoseconds();
    for (let n = 0; n < sessions; n += BATCH) this.outbound(n);
    this.openingTime = nanoseconds() - start;
    for (let i = PACKETS - 1; i > 0; i--) {
      const j = random.uint32() % (i + 1);
      const swapped = this.#order[i]!;
      this.#order[i] = this.#order[j]!;
      this.#order[j] = swapped;
    }
  }

  /** Puts the packets of sessions `order[from…]` into the outbound batch, as opened datagrams. */
  fillOutbound(from: number): void {
    this.#fill(this.#outbound, from, true);
  }

  fillInbound(from: number): void {
    this.#fill(this.#inbound, from, false);
  }

  outbound(from: number): void {
    this.fillOutbound(from);
    this.#nat.translateOutbound(this.#outbound, this.#tick());
    if (this.#outbound.verdict[0] !== Verdict.external) throw new Error('a packet did not leave');
  }

  inbound(from: number): void {
    this.fillInbound(from);
    this.#nat.translateInbound(this.#inbound, this.#tick());
    if (this.#inbound.verdict[0] !== Verdict.client) throw new Error('a packet did not come in');
  }

  #tick(): Instant {
    this.#now += MILLISECONDS_A_BATCH;
    return instant(this.#now);
  }

  #fill(b: PacketBatch, from: number, isOutbound: boolean): void {
    const pkt = b.arena.view;
    b.clear();
    for (let i = 0; i < BATCH; i++) {
      const session = this.#order[(from + i) & (PACKETS - 1)]!;
      const client = session & (CLIENTS - 1);
      const port = FIRST_PORT + Math.floor(session / CLIENTS);
      b.accept(LENGTH);
      const at = b.at[i]!;
      b.client[i] = client;
      const src: Ip4 = isOutbound ? ip4(0x0a640000 + client) : REMOTE;
      // The pool is paired in order, and every wanted port is free.
      const dst: Ip4 = isOutbound ? REMOTE : ip4(POOL + client);
      ipv4.emit(pkt, at, LENGTH, 0, 64, IpProtocol.udp, src, dst);
      pkt.setUint32(at + 20, isOutbound ? (port << 16) | 53 : (53 << 16) | port);
      pkt.setUint32(at + 24, ((LENGTH - 20) << 16) | 0x1234);
    }
  }
}

const nanoseconds = (): number => performance.now() * 1e6;

/** Nanoseconds a packet of `step`, which handles a batch. */
const time = (step: (from: number) => void): number => {
  const rounds: number[] = [];
  for (let from = 0; from < LAPS * PACKETS; from += ROUND) {
    const start = nanoseconds();
    for (let n = from; n < from + ROUND; n += BATCH) step(n);
    rounds.push((nanoseconds() - start) / ROUND);
  }
  return rounds.toSorted((a, b) => a - b)[Math.floor(rounds.length / 10)]!;
};

/** Nanoseconds to open a million sessions, each with its mapping, in an empty NAT; memory is touched for the first time. */
const timeOpening = (): number => {
  const bench = new Bench(1_000_000);
  return bench.openingTime;
};

const rows: string[][] = [];
for (const sessions of [1_000, 1_000_000]) {
  const bench = new Bench(sessions);
  const fills = [time((n) => bench.fillOutbound(n)), time((n) => bench.fillInbound(n))] as const;
  const out = time((n) => bench.outbound(n)) - fills[0];
  const into = time((n) => bench.inbound(n)) - fills[1];
  rows.push([sessions.toLocaleString('en'), out.toFixed(0), into.toFixed(0)]);
}
console.log('| sessions | outbound ns/packet | inbound ns/packet |\n| ---: | ---: | ---: |');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
console.log(`\nOpening a million sessions and mappings: ${(timeOpening() / 1e6).toFixed(0)} ns each`);
