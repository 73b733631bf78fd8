import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { createCounters, dropCells } from '../../src/base/counters.ts';
import { DropReason } from '../../src/base/drop-reason.ts';
import { Direction } from '../../src/base/protocol.ts';
import { DestinationPolicy } from '../../src/nat/destination.ts';
import type { Ip4 } from '../../src/wire/addr.ts';
import { ip, udp } from './rig.ts';

/** First and last address of each prefix; the neighbours on both sides belong to no prefix of the same row. */
const NEVER = [
  ['0.0.0.0', '0.255.255.255'],
  ['127.0.0.0', '127.255.255.255'],
  ['169.254.0.0', '169.254.255.255'],
  ['224.0.0.0', '239.255.255.255'],
  ['240.0.0.0', '255.255.255.255'],
] as const;
const RESERVED = [
  ['10.0.0.0', '10.255.255.255'],
  ['100.64.0.0', '100.127.255.255'],
  ['172.16.0.0', '172.31.255.255'],
  ['192.0.0.0', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'],
  ['192.88.99.0', '192.88.99.255'],
  ['192.168.0.0', '192.168.255.255'],
  ['198.18.0.0', '198.19.255.255'],
  ['198.51.100.0', '198.51.100.255'],
  ['203.0.113.0', '203.0.113.255'],
] as const;

const isReserved = (a: number, table: readonly (readonly [string, string])[]): boolean =>
  table.some(([first, last]) => a >= ip(first) && a <= ip(last));

const edges = [...NEVER, ...RESERVED].flatMap(([first, last]) =>
  [ip(first) - 1, ip(first), ip(first) + 1, ip(last) - 1, ip(last), ip(last) + 1].filter((a) => a >= 0 && a < 2 ** 32),
);
const others = ['8.8.8.8', '1.1.1.1', '93.184.216.34', '100.63.255.255', '172.32.0.0', '192.31.196.1'].map(ip);

test('special-purpose destinations are refused, to the very edge of each prefix (RFC 6890 §2.2.2)', () => {
  const policy = new DestinationPolicy(false, [], []);
  for (const a of [...edges, ...others]) {
    assert.equal(policy.mayReach(a as Ip4), !isReserved(a, NEVER) && !isReserved(a, RESERVED), `${a.toString(16)}`);
  }
});

test('allowReserved opens the reserved unicast prefixes and never the host’s, the link’s or a group’s', () => {
  const policy = new DestinationPolicy(true, [], []);
  for (const a of [...edges, ...others]) {
    assert.equal(policy.mayReach(a as Ip4), !isReserved(a, NEVER), `${a.toString(16)}`);
  }
  assert.ok(!policy.mayReach(ip('169.254.169.254')));
});

test('the host’s own addresses are refused whatever their prefix', () => {
  for (const allowReserved of [false, true]) {
    const policy = new DestinationPolicy(allowReserved, ['8.8.8.8', '10.0.0.5', '255.1.1.1', '9.9.9.9'].map(ip), []);
    for (const a of ['8.8.8.8', '10.0.0.5', '9.9.9.9']) assert.ok(!policy.mayReach(ip(a)), a);
    for (const a of ['8.8.8.7', '8.8.8.9', '9.9.9.10']) assert.ok(policy.mayReach(ip(a)), a);
    assert.equal(policy.mayReach(ip('10.0.0.6')), allowReserved);
  }
});

test('addresses of the pool are hairpins and always reachable', () => {
  const pool = ['198.51.100.10', '198.51.100.11', '8.8.8.8'].map(ip);
  const policy = new DestinationPolicy(false, [ip('8.8.8.8')], pool);
  for (const a of pool) assert.ok(policy.mayReach(a));
  assert.ok(!policy.mayReach(ip('198.51.100.12')));
});

test('refused packets of a batch are dropped and counted, and decided ones are left alone', () => {
  const drops = dropCells(createCounters(), Direction.outbound);
  const b = new PacketBatch(4, drops);
  for (const to of ['10.0.0.1:1', '8.8.8.8:1', '127.0.0.1:1']) {
    const packet = udp('10.99.0.2:1', to);
    b.arena.bytes.set(packet, b.slot(b.count));
    b.client[b.accept(packet.length)] = 1;
  }
  b.verdict[2] = Verdict.consumed;
  new DestinationPolicy(false, [], []).check(b);
  assert.deepEqual([...b.verdict.subarray(0, 3)], [Verdict.drop, Verdict.pending, Verdict.consumed]);
  assert.equal(drops[DropReason.policyReserved], 1);
});
