// Zero garbage as a test: a million packets opened and sealed by OpenSSL through the whole SATP core.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { createCounters, dropCells } from '../../src/base/counters.ts';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { Direction } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { instant } from '../../src/base/time.ts';
import { OpensslCrypto } from '../../src/io/openssl-crypto.ts';
import { Role } from '../../src/satp/crypto.ts';
import { PacketCrypto } from '../../src/satp/packet-crypto.ts';
import { Satp } from '../../src/satp/satp.ts';
import { at, CLIENT, GATEWAY, keys, ping, spec } from '../satp/lab.ts';
import { type Garbage, garbageOf } from '../support/garbage.ts';

const PACKETS = 1_000_000;
const BATCH = 64;

/** Two ends of one association, back to back over one batch: what one seals, the other opens in place. */
const ends = (): { step: (n: number) => number } => {
  const counters = createCounters();
  const crypto = new PacketCrypto(new OpensslCrypto(), 2);
  const endOf = (role: Role, row: number): Satp => {
    const satp = new Satp({
      capacity: 2,
      replayWindow: 1024,
      gatewayAddress: GATEWAY,
      crypto,
      random: new SeededRandom(5),
      counters,
    });
    satp.add(row, { ...spec, keys: { ...keys, role } }, 1);
    satp.locate(row, at(1));
    return satp;
  };
  const sealer = endOf(Role.right, 0);
  const opener = endOf(Role.left, 1);
  const b = new PacketBatch(BATCH, dropCells(counters, Direction.outbound));
  for (let i = 0; i < BATCH; i++) {
    b.accept(84);
    b.at[i]! += 10;
    b.end[i]! += 10;
    b.arena.bytes.set(ping(), b.at[i]);
    b.endpoint.set(at(1), i * ENDPOINT_WORDS);
  }
  const step = (n: number): number => {
    for (let i = 0; i < BATCH; i++) {
      b.client[i] = 0;
      b.verdict[i] = Verdict.client;
    }
    sealer.seal(b);
    for (let i = 0; i < BATCH; i++) b.verdict[i] = Verdict.pending;
    opener.open(b, instant(n));
    let delivered = 0;
    for (let i = 0; i < BATCH; i++) if (b.verdict[i] === Verdict.pending && b.end[i]! - b.at[i]! === 84) delivered++;
    return delivered;
  };
  return { step };
};

const assertClean = ({ scavenges, octets }: Garbage): void => {
  assert.ok(scavenges <= 3, `${scavenges} scavenges, ${octets / PACKETS} octets a packet`);
  assert.ok(!(octets / PACKETS >= 8), `${octets / PACKETS} octets a packet`);
};

test('opening and sealing a million packets causes no more than three scavenges', async () => {
  const { step } = ends();
  for (let n = 0; n < 2000; n++) step(n);
  let delivered = 0;
  const garbage = await garbageOf(() => {
    for (let n = 0; n < PACKETS / BATCH; n++) delivered += step(2000 + n);
  });
  assert.equal(delivered, PACKETS);
  assertClean(garbage);
});

test('refusing a million datagrams leaves as little', async () => {
  const { step } = ends();
  step(0);
  const counters = createCounters();
  const satp = new Satp({
    capacity: 1,
    replayWindow: 1024,
    gatewayAddress: GATEWAY,
    crypto: new PacketCrypto(new OpensslCrypto(), 1),
    random: new SeededRandom(5),
    counters,
  });
  satp.add(0, { ...spec, innerAddress: CLIENT }, 1);
  const b = new PacketBatch(BATCH, dropCells(counters, Direction.outbound));
  const refuse = (n: number): void => {
    b.clear();
    for (let i = 0; i < BATCH; i++) {
      b.accept(100);
      b.arena.view.setUint32(b.slot(i), n * BATCH + i);
      b.arena.view.setUint32(b.slot(i) + 4, i % 3 === 0 ? 8 : 7);
      if (i % 7 === 0) b.end[i] = b.at[i]! + 12;
    }
    satp.open(b, instant(n));
  };
  for (let n = 0; n < 2000; n++) refuse(n);
  const garbage = await garbageOf(() => {
    for (let n = 0; n < PACKETS / BATCH; n++) refuse(2000 + n);
  });
  assert.equal(
    dropCells(counters, Direction.outbound).reduce((sum, n) => sum + n, 0),
    PACKETS + 2000 * BATCH,
  );
  assertClean(garbage);
});
