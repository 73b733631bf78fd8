import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Protocol } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { instant, NEVER } from '../../src/base/time.ts';
import { NO_ADDRESS, PortPool } from '../../src/nat/port-pool.ts';
import { NO_PORT, PortSlice } from '../../src/nat/port-slice.ts';
import { NO_ROW } from '../../src/nat/row-lists.ts';
import type { Ip4 } from '../../src/wire/addr.ts';
import { ip } from './rig.ts';

const POOL = ['198.51.100.10', '203.0.113.7'].map(ip);
const poolOf = (low: number, high: number, holdDown = 1000): PortPool =>
  new PortPool(POOL, { low, high }, holdDown, new SeededRandom(5));

test('the wanted port is given while it is free (RFC 4787 §4.2)', () => {
  const pool = poolOf(1024, 65535);
  assert.equal(pool.take(0, Protocol.udp, 5000), 5000);
  assert.notEqual(pool.take(0, Protocol.udp, 5000), 5000);
  assert.equal(pool.take(1, Protocol.udp, 5000), 5000);
  assert.equal(pool.take(0, Protocol.tcp, 5000), 5000);
});

test('alloc all, free all, alloc all is exact, at any fill in constant time (RFC 6888 REQ-13)', () => {
  const pool = poolOf(1024, 65535, 0);
  for (let lap = 0; lap < 3; lap++) {
    const taken = new Set<number>();
    for (let i = 0; i < 64_512; i++) taken.add(pool.take(0, Protocol.udp, 5000 + (i % 3)));
    assert.equal(taken.size, 64_512);
    assert.ok([...taken].every((p) => p >= 1024 && p <= 65_535));
    assert.equal(pool.take(0, Protocol.udp, 5000), NO_PORT);
    assert.equal(pool.used[Protocol.udp], 64_512);
    for (const p of taken) pool.release(0, Protocol.udp, p, instant(0));
    assert.equal(pool.expire(instant(0), 100_000), 64_512);
    assert.deepEqual([pool.used[Protocol.udp], pool.held[Protocol.udp]], [0, 0]);
  }
});

test('a port that is not the wanted one cannot be guessed from the one before (RFC 6888 REQ-15, RFC 7857 §9)', () => {
  const pool = poolOf(1024, 65535);
  pool.take(0, Protocol.udp, 5000);
  const ports = Array.from({ length: 10_000 }, () => pool.take(0, Protocol.udp, 5000));
  let rising = 0;
  let near = 0;
  for (let i = 1; i < ports.length; i++) {
    if (ports[i]! > ports[i - 1]!) rising++;
    if (Math.abs(ports[i]! - ports[i - 1]!) < 64) near++;
  }
  assert.ok(Math.abs(rising - 5000) < 200, `${rising} of 10,000 rise`);
  assert.ok(near < 60, `${near} of 10,000 are near the one before`);
  // Sixteen equal ranges; the 0.1 % point of chi-square with 15 degrees of freedom is 37.7.
  const ranges = new Array<number>(16).fill(0);
  for (const p of ports) ranges[Math.floor((p - 1024) / 4032)]!++;
  const chi = ranges.reduce((sum, n) => sum + (n - 625) ** 2 / 625, 0);
  assert.ok(chi < 37.7, `chi-square is ${chi}`);
});

test('well-known ports overflow into the rest, never the other way (RFC 4787 §4.2.2 REQ-3a)', () => {
  const slice = new PortSlice(1020, 1027, true);
  const random = new SeededRandom(1);
  const low = Array.from({ length: 4 }, () => slice.take(500, random));
  assert.deepEqual(low.toSorted(), [1020, 1021, 1022, 1023]);
  assert.ok(slice.take(500, random) >= 1024);
  const other = new PortSlice(1020, 1027, true);
  const high = Array.from({ length: 5 }, () => other.take(40_000, random));
  assert.deepEqual(
    high.toSorted((a, b) => a - b),
    [NO_PORT, 1024, 1025, 1026, 1027],
  );
  assert.equal(other.free, 4);
});

test('query ids have no classes', () => {
  const pool = poolOf(1020, 1027);
  const ids = Array.from({ length: 8 }, () => pool.take(0, Protocol.icmp, 40_000));
  assert.equal(new Set(ids).size, 8);
});

test('a released port rests, oldest first, and then is free (RFC 6888 REQ-8)', () => {
  const pool = poolOf(5000, 5002, 1000);
  for (const p of [5000, 5001, 5002]) pool.take(0, Protocol.udp, p);
  assert.equal(pool.nextExpiry(), NEVER);
  pool.release(0, Protocol.udp, 5001, instant(100));
  pool.release(0, Protocol.udp, 5000, instant(200));
  assert.equal(pool.take(0, Protocol.udp, 5001), NO_PORT);
  assert.equal(pool.nextExpiry(), 1100);
  assert.equal(pool.expire(instant(1099), 9), 0);
  assert.equal(pool.expire(instant(1100), 9), 1);
  assert.equal(pool.take(0, Protocol.udp, 5000), 5001);
  assert.equal(pool.expire(instant(5000), 0), 0);
  assert.equal(pool.expire(instant(5000), 9), 1);
  assert.equal(pool.take(0, Protocol.udp, 5000), 5000);
});

test('an address is known by its index and no other has one', () => {
  const many = Array.from({ length: 500 }, (_, i) => (0xc0000200 + i * 7) as Ip4);
  const pool = new PortPool(many, { low: 1, high: 2 }, 0, new SeededRandom(1));
  for (const [i, a] of many.entries()) {
    assert.equal(pool.indexOf(a), i);
    assert.equal(pool.addressAt(i), a);
    assert.equal(pool.indexOf((a + 1) as Ip4), NO_ADDRESS);
  }
});

test('the pool agrees with a Map under any script of takes, releases and time', () => {
  const anyStep = fc.record({
    step: fc.constantFrom('take', 'take', 'release', 'time'),
    index: fc.nat({ max: 1 }),
    protocol: fc.constantFrom(Protocol.udp, Protocol.tcp, Protocol.icmp),
    port: fc.integer({ min: 1019, max: 1029 }),
  });
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 150 }), (script) => {
      const pool = poolOf(1020, 1028, 3);
      const owners = new Map<string, number>();
      const held = new Map<string, number>();
      let now = 0;
      for (const [row, s] of script.entries()) {
        const name = (port: number) => `${s.index} ${s.protocol} ${port}`;
        if (s.step === 'take') {
          const wasFree = s.port >= 1020 && s.port <= 1028 && !owners.has(name(s.port)) && !held.has(name(s.port));
          const got = pool.take(s.index, s.protocol, s.port);
          if (wasFree) assert.equal(got, s.port);
          if (got === NO_PORT) continue;
          assert.ok(!owners.has(name(got)) && !held.has(name(got)));
          pool.assign(s.index, s.protocol, got, row);
          owners.set(name(got), row);
        } else if (s.step === 'release' && owners.delete(name(s.port))) {
          pool.release(s.index, s.protocol, s.port, instant(now));
          held.set(name(s.port), now);
        } else if (s.step === 'time') {
          now++;
          pool.expire(instant(now), 100);
          for (const [n, since] of held) if (since + 3 <= now) held.delete(n);
        }
        assert.equal(pool.ownerOf(s.index, s.protocol, s.port), owners.get(name(s.port)) ?? NO_ROW);
        assert.equal(pool.used[0]! + pool.used[1]! + pool.used[2]!, owners.size);
        assert.equal(pool.held[0]! + pool.held[1]! + pool.held[2]!, held.size);
        const view = pool.view(s.index);
        const mine = (names: Iterable<string>) => [...names].filter((n) => n.startsWith(`${s.index} ${s.protocol} `));
        assert.equal(view.used[s.protocol], mine(owners.keys()).length);
        assert.equal(view.heldDown[s.protocol], mine(held.keys()).length);
      }
    }),
  );
});
