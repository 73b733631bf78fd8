// Zero garbage as a test: the NAT's hot path, with addresses above 127.255.255.255, which are no small integers in V8 and would be
// boxed wherever one crossed a call that is not inlined.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { Cell, createCounters, dropCells } from '../../src/base/counters.ts';
import { Direction, Protocol } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { type Instant, instant } from '../../src/base/time.ts';
import { Nat44 } from '../../src/nat/nat44.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { echo, echoReply, policyWith, tcp, udp } from '../nat/rig.ts';
import { type Garbage, garbageOf } from '../support/garbage.ts';

const PACKETS = 1_000_000;
const CAPACITY = 64;
const EXT = '198.51.100.10';
const REMOTE = '203.0.113.9';

const assertClean = ({ scavenges, octets }: Garbage): void => {
  assert.ok(scavenges <= 3, `${scavenges} scavenges`);
  assert.ok(!(octets / PACKETS >= 8), `${octets / PACKETS} octets a packet`);
};

/** Fills a batch with `packets` from the beginning, as if they had just been received. */
const fill = (b: PacketBatch, packets: readonly Uint8Array[], headroom: number): void => {
  b.clear();
  for (let i = 0; i < packets.length; i++) {
    const packet = packets[i]!;
    b.arena.bytes.set(packet, b.slot(i) + headroom);
    b.accept(packet.length + headroom);
    b.at[i]! += headroom;
    b.client[i] = i & 3;
  }
};

const setUp = () => {
  const counters = createCounters();
  const nat = new Nat44(policyWith(), new SeededRandom(1), counters);
  const outbound = new PacketBatch(CAPACITY, dropCells(counters, Direction.outbound));
  const inbound = new PacketBatch(CAPACITY, dropCells(counters, Direction.inbound));
  let now = 1_000_000.5;
  const tick = (milliseconds: number): Instant => {
    now += milliseconds;
    return instant(now);
  };
  return { nat, counters, outbound, inbound, tick };
};

test(`translating ${PACKETS} packets causes no more than three scavenges`, async () => {
  const { nat, outbound, inbound, tick } = setUp();
  const sent: Uint8Array[] = [];
  const answers: Uint8Array[] = [];
  for (let i = 0; i < CAPACITY; i++) {
    const port = 5000 + i;
    const from = `192.168.0.${i & 3}:${port}`;
    const kind = i % 4;
    sent.push(
      kind === 0
        ? tcp(from, `${REMOTE}:80`, TcpFlag.syn)
        : kind === 1
          ? echo(`192.168.0.${i & 3}`, REMOTE, port)
          : kind === 2
            ? udp(from, `${REMOTE}:53`)
            : udp(from, `${EXT}:${port - 1}`),
    );
    answers.push(
      kind === 0
        ? tcp(`${REMOTE}:80`, `${EXT}:${port}`, TcpFlag.syn | TcpFlag.ack)
        : kind === 1
          ? echoReply(REMOTE, EXT, port)
          : udp(`${REMOTE}:53`, `${EXT}:${port - (kind - 2)}`),
    );
  }
  const run = (packets: number): void => {
    for (let n = 0; n < packets; n += 2 * CAPACITY) {
      fill(outbound, sent, 10);
      nat.translateOutbound(outbound, tick(0.25));
      fill(inbound, answers, 0);
      nat.translateInbound(inbound, tick(0.25));
      nat.expire(tick(0.25), 256);
    }
  };
  run(PACKETS / 5);
  const garbage = await garbageOf(() => run(PACKETS));
  for (let i = 0; i < CAPACITY; i++) {
    assert.equal(outbound.verdict[i], i % 4 === 3 ? Verdict.client : Verdict.external, `outbound packet ${i}`);
    assert.equal(inbound.verdict[i], Verdict.client, `inbound packet ${i}`);
  }
  assertClean(garbage);
});

test(`opening, refusing and expiring with ${PACKETS} packets causes no more than three scavenges`, async () => {
  const { nat, counters, outbound, inbound, tick } = setUp();
  const sent = Array.from({ length: CAPACITY }, (_, i) => {
    const from = `192.168.0.${i & 3}:5000`;
    return i & 4
      ? udp(from, `${REMOTE}:53`, { ttl: i & 8 ? 64 : 1 })
      : tcp(from, `${REMOTE}:53`, i & 8 ? TcpFlag.syn : TcpFlag.ack);
  });
  const strange = Array.from({ length: CAPACITY }, (_, i) => tcp(`${REMOTE}:${i}`, `${EXT}:5000`, TcpFlag.syn));
  let remote = 0xc0000000 | 0;
  const run = (packets: number): void => {
    for (let n = 0; n < packets; n += 2 * CAPACITY) {
      fill(outbound, sent, 10);
      // Every packet has a destination of its own, and the checksums are not looked at.
      for (let i = 0; i < CAPACITY; i++) {
        remote = (remote + 1) | 0;
        outbound.arena.view.setInt32(outbound.at[i]! + 16, remote);
      }
      nat.translateOutbound(outbound, tick(1000));
      fill(inbound, strange, 0);
      nat.translateInbound(inbound, tick(1000));
      nat.expire(tick(8000), 256);
    }
  };
  run(PACKETS / 5);
  const created = (): number =>
    counters[Cell.natSessionsCreated + Protocol.udp]! + counters[Cell.natSessionsCreated + Protocol.tcp]!;
  const before = created();
  const garbage = await garbageOf(() => run(PACKETS));
  assert.ok(created() - before > PACKETS / 4, `${created() - before} sessions were created`);
  assertClean(garbage);
});
