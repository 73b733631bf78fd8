import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Protocol } from '../../src/base/protocol.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { policyWith, Rig, tcp, udp } from './rig.ts';

const C1 = '10.99.0.2';
const C2 = '10.99.0.3';
const EXT = '198.51.100.10';
const R1 = '93.184.216.34';
const R2 = '151.101.1.69';
const { syn, ack } = TcpFlag;

test('views show mappings, sessions and addresses, a page at a time', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.out(1, udp(`${C1}:5000`, `${R2}:53`));
  rig.out(2, tcp(`${C2}:5001`, `${R1}:80`, syn));
  rig.in(tcp(`${R1}:80`, `${EXT}:5001`, syn | ack));
  rig.pass(seconds(10));
  const { rows: mappings, next } = rig.nat.mappings(10);
  assert.equal(next, null);
  assert.deepEqual(
    mappings.map((m) => [m.protocol, m.client, m.internal.port, m.external.port, m.sessions]),
    [
      [Protocol.udp, 1, 5000, 5000, 2],
      [Protocol.tcp, 2, 5001, 5001, 1],
    ],
  );
  assert.deepEqual(rig.nat.mappings(1), { rows: mappings.slice(0, 1), next: 1 });
  assert.deepEqual(rig.nat.mappings(1, 1), { rows: mappings.slice(1), next: null });
  const { rows: sessions } = rig.nat.sessions(10, 0, rig.now);
  assert.deepEqual(
    sessions.map((s) => [s.state, s.remote.port, s.expiresInSeconds]),
    [
      ['active', 53, 290],
      ['active', 53, 290],
      ['established', 80, 7430],
    ],
  );
  assert.deepEqual(rig.nat.sessions(1, 2, rig.now), { rows: sessions.slice(2), next: null });
  assert.deepEqual(rig.nat.sessions(1, 2 ** 31, rig.now), { rows: [], next: null });
  const [pool] = rig.nat.pools(10).rows;
  assert.deepEqual([pool!.used, pool!.heldDown, pool!.capacity], [[1, 1, 0], [0, 0, 0], 64512]);
  assert.deepEqual(rig.nat.pools(10, 1), { rows: [], next: null });
});

test('a page begins at a row, so rows that close before it move nothing', () => {
  const rig = new Rig();
  for (let p = 0; p < 6; p++) rig.out(p < 2 ? 1 : 2, udp(`10.99.0.${p < 2 ? 2 : 3}:${5000 + p}`, `${R1}:53`));
  const first = rig.nat.mappings(3);
  assert.deepEqual([first.rows.map((m) => m.internal.port), first.next], [[5000, 5001, 5002], 3]);
  rig.nat.closeClient(1, rig.now);
  const second = rig.nat.mappings(3, first.next!);
  assert.deepEqual([second.rows.map((m) => m.internal.port), second.next], [[5003, 5004, 5005], null]);
});

test('a page looks at 65536 rows at most and then says where to go on', () => {
  const many = 66_000;
  const quota = { sessions: many, newSessionsPerSecond: many };
  const rig = new Rig(policyWith({ quota, capacity: { sessions: many } }));
  const to = (n: number) => udp(`${C1}:5000`, `${n & 1 ? R1 : R2}:${1 + (n >> 1)}`);
  for (let n = 0; n < many; n += 60) rig.outAll(Array.from({ length: 60 }, (_, k) => [1, to(n + k)] as const));
  assert.equal(rig.sessionCount, many);
  rig.pass(minutes(3));
  rig.out(1, to(many - 1));
  rig.pass(minutes(3));
  assert.deepEqual(rig.nat.sessions(10, 0, rig.now), { rows: [], next: 65_536 });
  const last = rig.nat.sessions(10, 65_536, rig.now);
  assert.deepEqual([last.rows.map((s) => s.remote.port), last.next], [[many / 2], null]);
});
