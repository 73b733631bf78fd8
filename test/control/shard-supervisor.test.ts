// A real shard in its real thread, on real sockets of the loopback; a second socket stands in for the TUN device, which needs root.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cell, createCounters } from '../../src/base/counters.ts';
import { GatewayError } from '../../src/base/errors.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { ShardSupervisor } from '../../src/control/shard-supervisor.ts';
import type { ShardSettings } from '../../src/dataplane/settings.ts';
import { openUdpSocket } from '../../src/io/udp-socket.ts';
import { Role } from '../../src/satp/crypto.ts';
import { createLineStore } from '../../src/satp/line-store.ts';
import { parsePrefix4 } from '../../src/wire/addr.ts';
import { ip, policyWith } from '../nat/rig.ts';

const settingsWith = (senderId: number, muxes: readonly number[]): ShardSettings => ({
  clients: muxes.map((mux) => ({
    association: {
      name: `client${mux}`,
      mux,
      device: 'tun',
      keys: {
        cipher: 128,
        kdf: 128,
        auth: 'sha1',
        tagLength: 10,
        role: Role.left,
        masterKey: new Uint8Array(16).fill(mux),
        masterSalt: new Uint8Array(14).fill(mux),
      },
      identity: 0,
      restart: { kind: 'challenge' },
      innerAddress: 0,
    },
    prefixes: [parsePrefix4(`10.99.0.${mux}/32`)!],
  })),
  senderId,
  replayWindow: 64,
  nat: policyWith(),
  policy: { allowReserved: true, hostAddresses: [ip('127.0.0.1')] },
});

const eventually = async (what: string, isTrue: () => boolean): Promise<void> => {
  for (let i = 0; i < 500; i++) {
    if (isTrue()) return;
    await sleep(10);
  }
  assert.fail(`never: ${what}`);
};

test('a shard starts, answers, applies settings, is replaced with a fresh sender id when it dies, and ends', async (t) => {
  const socket = openUdpSocket({ address: '127.0.0.1', port: 0 });
  const device = openUdpSocket({ address: '127.0.0.1', port: 0 });
  t.after(() => {
    socket.close();
    device.close();
  });
  const counters = createCounters();
  const leased: number[] = [];
  const seen: string[] = [];
  let faults = 0;
  const lease = (): number => {
    if (faults-- > 0) throw new Error('the disk is full');
    leased.push(100 + leased.length);
    return leased.at(-1)!;
  };
  const lines = createLineStore(settingsWith(0, []).nat.capacity.clients, 16, new SeededRandom(1));
  const supervisor = new ShardSupervisor({
    resources: { sockets: [{ fd: socket.fd, family: socket.family }], tunFd: device.fd },
    counters,
    lines,
    freshSettings: () => settingsWith(lease(), [1, 2]),
    leaseSenderId: lease,
    onUp: () => seen.push('up'),
    onDown: (error) => seen.push(`down: ${error.message}`),
  });
  await supervisor.start();
  assert.ok(supervisor.isUp);

  await t.test('it answers questions about its tables', async () => {
    const { rows, next } = await supervisor.query({ table: 'clients', cursor: 0, limit: 10 });
    assert.deepEqual(
      rows.map((row) => [row.name, row.mux, row.endpoint]),
      [
        ['client1', 1, null],
        ['client2', 2, null],
      ],
    );
    assert.equal(next, null);
    const first = await supervisor.query({ table: 'clients', cursor: 0, limit: 1 });
    const second = await supervisor.query({ table: 'clients', cursor: first.next!, limit: 1 });
    assert.deepEqual([first.rows[0]!.name, second.rows[0]!.name, second.next], ['client1', 'client2', null]);
  });

  await t.test('it forgets the numbers of the client that is reset, and of no other', async () => {
    const remembered = (): number[] => [1, 2].map((row) => lines.senderIds[row]!);
    lines.senderIds.set([5, 6], 1);
    await supervisor.reset(1);
    assert.deepEqual(remembered(), [0, 6]);
    await supervisor.reset(999);
    assert.deepEqual(remembered(), [0, 6]);
  });

  await t.test('it applies settings between two batches', async () => {
    await supervisor.apply(settingsWith(lease(), [2, 3]));
    const { rows } = await supervisor.query({ table: 'clients', cursor: 0, limit: 10 });
    assert.deepEqual(rows.map((row) => row.name).sort(), ['client2', 'client3']);
  });

  await t.test('it dies of a broken promise, is replaced, and says so', async () => {
    counters[Cell.tunnelPackets] = 42;
    counters[Cell.natSessions] = 7;
    const before = leased.length;
    const poison = { ...settingsWith(1, []), clients: undefined } as unknown as ShardSettings;
    await assert.rejects(supervisor.apply(poison), (e: unknown) => e instanceof GatewayError && e.code === 'ERR_SHARD');
    assert.ok(!supervisor.isUp, 'not ready meanwhile');
    await eventually('the shard is up again', () => supervisor.isUp);
    assert.equal(supervisor.restarts, 1);
    assert.equal(leased.length, before + 1, 'with a sender id of its own');
    assert.equal(new Set(leased).size, leased.length);
    assert.equal(seen.length, 3);
    assert.match(seen[1]!, /^down: /);
    assert.equal(counters[Cell.tunnelPackets], 42, 'counters go on');
    assert.equal(counters[Cell.natSessions], 0, 'gauges start over');
    assert.equal((await supervisor.query({ table: 'clients', cursor: 0, limit: 10 })).rows.length, 2);
  });

  await t.test('what keeps a successor from being started is told, and it is tried again', async () => {
    faults = 1;
    seen.length = 0;
    const poison = { ...settingsWith(1, []), clients: undefined } as unknown as ShardSettings;
    await assert.rejects(supervisor.apply(poison));
    await eventually('the shard is up again', () => supervisor.isUp);
    assert.deepEqual(
      seen.map((line) => line.split(':')[0]),
      ['down', 'down', 'up'],
    );
    assert.equal(seen[1], 'down: the disk is full');
  });

  await supervisor.stop();
  await assert.rejects(supervisor.query({ table: 'clients', cursor: 0, limit: 1 }), /down/);
});

test('a shard that cannot start says why', async () => {
  const supervisor = new ShardSupervisor({
    resources: { sockets: [], tunFd: -1 },
    counters: createCounters(),
    lines: createLineStore(settingsWith(0, []).nat.capacity.clients, 16, new SeededRandom(1)),
    freshSettings: () => ({ ...settingsWith(1, []), replayWindow: 33 }),
    leaseSenderId: () => undefined,
    onUp: () => undefined,
    onDown: () => undefined,
  });
  await assert.rejects(supervisor.start(), /multiple of 32/);
  await supervisor.stop();
});
