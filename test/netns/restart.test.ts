// Clients that restart and clients that move, as stock daemons do it: numbers begin at 0 again, with the same keys, from anywhere.
// They go on; each step is visible in counters.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { requires } from '../support/requires.ts';
import type { ClientOptions, TunnelClient } from './client.ts';
import type { RunningGateway } from './gateway.ts';
import { Lab } from './lab.ts';
import { type Agreement, agreement, clientOptions, dropped, growth, startGateway, total } from './setup.ts';
import { bodyOf, startHttp } from './third-parties.ts';
import { ADDRESS, type ClientBox } from './topology.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'conntrack', 'tcpdump', 'ping', 'curl', 'anytun', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

const BOXES = ['c1', 'c2'] as const;
const DAEMON = { c1: 'uanytun', c2: 'anytun' } as const;

const agree = (name: string, box: ClientBox, mux: number, restart?: string): Agreement =>
  agreement({ name, box, mux, inner: `10.99.0.${mux}`, ...(restart !== undefined && { restart }) });
const PROVING = { c1: agree('proving-1', 'c1', 11), c2: agree('proving-2', 'c2', 12) };
const SILENT = agree('silent', 'c1', 13);
const STRICT = agree('strict', 'c1', 14, 'strict');
const PATIENT = agree('patient', 'c1', 15, 'after-silence 3s');

suite('clients that restart or move', { skip }, () => {
  let lab: Lab;
  let gateway: RunningGateway;
  const clients: Partial<Record<ClientBox, TunnelClient>> = {};

  before(async () => {
    lab = await Lab.create();
    gateway = await startGateway(lab, [PROVING.c1, PROVING.c2, SILENT, STRICT, PATIENT]);
    await startHttp(lab, 'r1');
  });
  after(() => lab?.[Symbol.asyncDispose]());

  const connect = async (agreed: Agreement, changes: Partial<ClientOptions> = {}): Promise<TunnelClient> => {
    const { box } = agreed;
    await clients[box]?.stop();
    clients[box] = await lab.startClient({ ...clientOptions(agreed), daemon: DAEMON[box], ...changes });
    return clients[box];
  };

  const restart = async (box: ClientBox, changes: Partial<ClientOptions> = {}): Promise<void> => {
    clients[box] = await clients[box]!.restart(changes);
  };

  /** Milliseconds until an echo request of `box` is answered; infinity if none is within `within` seconds. */
  const answered = async (box: ClientBox, within = 4): Promise<number> => {
    const start = performance.now();
    const argv = ['ping', '-n', '-q', '-i', '0.05', '-c', '1', '-w', `${within}`, ADDRESS.r1];
    const { code } = await lab.exec(box, argv);
    return code === 0 ? performance.now() - start : Number.POSITIVE_INFINITY;
  };

  /** Sends `count` packets that are answered. */
  const talk = async (box: ClientBox, count: number): Promise<void> => {
    const argv = ['ping', '-n', '-q', '-i', '0.001', '-c', `${count}`, ADDRESS.r1];
    const { stdout } = await lab.exec(box, argv);
    const received = Number(/(\d+) received/.exec(stdout)?.[1]);
    assert.ok(received >= count * 0.98, `${box}: ${stdout}`);
  };

  const grown = async (act: () => Promise<unknown>): Promise<Map<string, number>> => {
    const earlier = await gateway.metrics();
    await act();
    return growth(earlier, await gateway.metrics());
  };
  const challenges = (counted: ReadonlyMap<string, number>, result: string): number =>
    total(counted, 'anygate_tunnel_challenges_total', `result="${result}"`);

  test('a client that restarts with a new sender id goes on at once', async () => {
    await Promise.all([connect(PROVING.c1), connect(PROVING.c2)]);
    await Promise.all(BOXES.map((box) => talk(box, 300)));
    const counted = await grown(async () => {
      await Promise.all(BOXES.map((box) => restart(box, { senderId: 5 })));
      for (const took of await Promise.all(BOXES.map((box) => answered(box)))) assert.ok(took < 500, `${took} ms`);
    });
    assert.equal(dropped(counted, 'satp_replayed'), 0);
    assert.equal(total(counted, 'anygate_tunnel_roams_total'), 0);
  });

  for (const change of ['port', 'address'] as const) {
    test(`a client that appears from another ${change} goes on at once`, async () => {
      const counted = await grown(async () => {
        await Promise.all(BOXES.map((box) => lab.moveClient(box, change)));
        for (const took of await Promise.all(BOXES.map((box) => answered(box)))) assert.ok(took < 500, `${took} ms`);
        await Promise.all(BOXES.map((box) => talk(box, 50)));
      });
      assert.equal(total(counted, 'anygate_tunnel_roams_total'), 2);
      assert.equal(dropped(counted, 'satp_replayed'), 0);
    });
  }

  test('a TCP transfer survives moves of a client that also sends', async () => {
    const size = 1_500_000;
    const argv = ['curl', '-sS', '-m', '20', '--limit-rate', '500k', `http://${ADDRESS.r1}/${size}`];
    const transfers = BOXES.map((box) => lab.exec(box, [...argv, '-o', join(lab.dir, `moved-${box}`)]));
    // Who only receives has no way to tell that he has moved: something has to be sent.
    const pings = BOXES.map((box) => lab.spawn(box, ['ping', '-n', '-q', '-i', '0.2', ADDRESS.r1]));
    for (const change of ['address', 'port'] as const) {
      await sleep(700);
      await Promise.all(BOXES.map((box) => lab.moveClient(box, change)));
    }
    for (const { code, stderr } of await Promise.all(transfers)) assert.equal(code, 0, stderr);
    await Promise.all(pings.map((ping) => ping.stop('SIGINT')));
    const sums = await lab.run('c1', ['sha256sum', ...BOXES.map((box) => join(lab.dir, `moved-${box}`))]);
    const expected = createHash('sha256').update(bodyOf(size)).digest('hex');
    assert.deepEqual(
      sums
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
      [expected, expected],
    );
  });

  for (const count of [20, 400, 3000]) {
    test(`a client that restarts at number 0 after ${count} packets is back within 2 s`, async () => {
      await Promise.all(BOXES.map((box) => restart(box, { senderId: count })));
      await Promise.all(BOXES.map((box) => talk(box, count)));
      const counted = await grown(async () => {
        await Promise.all(BOXES.map((box) => restart(box)));
        for (const took of await Promise.all(BOXES.map((box) => answered(box)))) assert.ok(took < 2000, `${took} ms`);
        await Promise.all(BOXES.map((box) => talk(box, 500)));
      });
      assert.ok(challenges(counted, 'sent') >= 2, gateway.log());
      assert.ok(challenges(counted, 'answered') >= 2);
      assert.equal(total(counted, 'anygate_tunnel_restarts_total'), 2);
      assert.ok(total(counted, 'anygate_icmp_generated_total', 'type="challenge"') >= 2);
      assert.equal(total(counted, 'anygate_tunnel_roams_total'), 0);
    });
  }

  test('a client that restarts again and again is back each time', async () => {
    for (let i = 0; i < 3; i++) {
      await Promise.all(BOXES.map((box) => restart(box)));
      for (const took of await Promise.all(BOXES.map((box) => answered(box))))
        assert.ok(took < 2000, `${i}: ${took} ms`);
    }
  });

  test('a client that restarts at number 0 and at another address is back within 2 s', async () => {
    await Promise.all(BOXES.map((box) => talk(box, 1500)));
    const counted = await grown(async () => {
      await Promise.all(BOXES.map((box) => lab.moveClient(box)));
      await Promise.all(BOXES.map((box) => restart(box, { localPort: 5555 })));
      for (const took of await Promise.all(BOXES.map((box) => answered(box)))) assert.ok(took < 2000, `${took} ms`);
      await Promise.all(BOXES.map((box) => talk(box, 500)));
    });
    assert.equal(total(counted, 'anygate_tunnel_restarts_total'), 2);
    assert.equal(total(counted, 'anygate_tunnel_roams_total'), 2);
  });

  test('the gateway’s own restart is no obstacle, though its clients have a replay window', async () => {
    await Promise.all(BOXES.map((box) => restart(box, { window: 64 })));
    await Promise.all(BOXES.map((box) => answered(box)));
    await gateway.stop();
    gateway = await gateway.startAgain();
    for (const took of await Promise.all(BOXES.map((box) => answered(box)))) assert.ok(took < 2000, `${took} ms`);
    await Promise.all(BOXES.map((box) => talk(box, 100)));
  });

  test('a restarted client whose host answers no ping stays out, until its sender id changes', async () => {
    await connect(SILENT);
    await talk('c1', 300);
    await lab.run('c1', ['sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_all=1']);
    try {
      const counted = await grown(async () => {
        await restart('c1');
        assert.equal(await answered('c1', 3), Number.POSITIVE_INFINITY);
      });
      assert.ok(challenges(counted, 'sent') >= 2 && challenges(counted, 'sent') <= 4, 'one a second');
      assert.equal(challenges(counted, 'answered'), 0);
      assert.equal(total(counted, 'anygate_tunnel_restarts_total'), 0);
      await restart('c1', { senderId: 3 });
      assert.ok((await answered('c1')) < 500);
    } finally {
      await lab.run('c1', ['sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_all=0']);
    }
  });

  test('restart: strict refuses a client that starts over, and takes a new sender id', async () => {
    await connect(STRICT);
    await talk('c1', 300);
    const counted = await grown(async () => {
      await restart('c1');
      assert.equal(await answered('c1', 3), Number.POSITIVE_INFINITY);
    });
    assert.equal(challenges(counted, 'sent'), 0);
    assert.equal(total(counted, 'anygate_tunnel_restarts_total'), 0);
    assert.ok(dropped(counted, 'satp_replayed') > 40);
    await restart('c1', { senderId: 3 });
    assert.ok((await answered('c1')) < 500);
  });

  test('restart: strict lets a client in that starts over, once the operator has reset it', async () => {
    await connect(STRICT);
    assert.equal(await answered('c1', 1), Number.POSITIVE_INFINITY, 'locked out by what it sent before');
    const { status } = await gateway.http('/api/v1/clients/strict/reset', ['-X', 'POST']);
    assert.equal(status, 200);
    assert.ok((await answered('c1')) < 500);
    assert.equal((await gateway.http('/api/v1/clients/nobody/reset', ['-X', 'POST'])).status, 404);
  });

  test('restart: after-silence believes a client that starts over once nothing newer has come for so long', async () => {
    await connect(PATIENT);
    await talk('c1', 2000);
    const heard = performance.now();
    const counted = await grown(async () => {
      await restart('c1');
      await answered('c1', 6);
      const silence = performance.now() - heard;
      assert.ok(silence > 2800 && silence < 4500, `${silence} ms`);
    });
    assert.equal(challenges(counted, 'sent'), 0);
    assert.equal(total(counted, 'anygate_tunnel_restarts_total'), 1);
    assert.ok(dropped(counted, 'satp_replayed') > 20);
    await talk('c1', 100);
    await gateway.stop();
  });
});
