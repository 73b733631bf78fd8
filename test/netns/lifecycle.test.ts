// The gateway's life: how it starts, takes up a new configuration, loses its shard, stops and is killed; and that the host is as before
// when it has gone, however that came.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { requires } from '../support/requires.ts';
import { checkPing } from './checks.ts';
import type { RunningGateway } from './gateway.ts';
import { hostSnapshot } from './host-snapshot.ts';
import { Lab } from './lab.ts';
import { readDatagrams, satpHeader } from './pcap.ts';
import { eventually } from './processes.ts';
import { type Agreement, agreement, clientOptions, gatewayFiles, growth, startGateway, total } from './setup.ts';
import { startHttp } from './third-parties.ts';
import { ADDRESS } from './topology.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'tcpdump', 'ping', 'curl', 'anytun', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

const EGRESS: Readonly<Record<string, object>> = {
  routed: {},
  masquerade: { egress: 'masquerade', pool: ['10.200.0.0/29'] },
  shared: { egress: 'shared', pool: [ADDRESS.gw], ports: '50000-50999' },
};

suite('the life of a gateway', { skip }, () => {
  const alice = agreement({ name: 'alice', box: 'c1', mux: 7 });
  const bob = agreement({ name: 'bob', box: 'c2', mux: 8 });
  let lab: Lab;
  let gateway: RunningGateway;

  before(async () => {
    lab = await Lab.create();
    await startHttp(lab, 'r1');
    await Promise.all([lab.startClient(clientOptions(alice)), lab.startClient(clientOptions(bob))]);
  });
  after(() => lab?.[Symbol.asyncDispose]());

  const start = async (clients: readonly Agreement[], relay: object = {}): Promise<void> => {
    gateway = await startGateway(lab, clients, { relay });
  };
  const back = async (box: 'c1' | 'c2'): Promise<void> => {
    const ping = await lab.exec(box, ['ping', '-n', '-q', '-i', '0.1', '-c', '1', '-w', '4', ADDRESS.r1]);
    assert.equal(ping.code, 0, `${ping.stdout}${gateway.log()}`);
  };

  const download = (size: number, rate: string): string[] => [
    ...['curl', '-sS', '-m', '20', '--limit-rate', rate, '-o', join(lab.dir, 'download'), '-w', '%{size_download}'],
    `http://${ADDRESS.r1}/${size}`,
  ];

  /** What a failed test leaves running would answer for the next one. */
  const stopIfRunning = async (): Promise<void> => {
    if (gateway?.isRunning) await gateway.stop();
  };

  suite('starts and stops', () => {
    afterEach(stopIfRunning);
    for (const [egress, relay] of Object.entries(EGRESS)) {
      test(`egress: ${egress}: the start after kill -9 recovers; SIGTERM under traffic exits with 0 within 5 s`, async () => {
        const untouched = await hostSnapshot(lab);
        await start([alice], relay);
        assert.notEqual(await hostSnapshot(lab), untouched, 'the snapshot sees the gateway');
        await back('c1');
        await gateway.kill9();

        gateway = await gateway.startAgain();
        await back('c1');
        const traffic = lab.spawn('c1', download(20_000_000, '4M'));
        await eventually('traffic', async () => {
          return total(await gateway.metrics(), 'anygate_relay_packets_total', 'tcp') > 300;
        });
        const began = performance.now();
        await gateway.stop();
        assert.ok(performance.now() - began < 5000);
        assert.equal(await hostSnapshot(lab), untouched, 'the host is as before');
        await traffic.stop();
      });
    }

    test('SIGINT ends it as SIGTERM does', async () => {
      const untouched = await hostSnapshot(lab);
      await start([alice]);
      process.kill(gateway.pid, 'SIGINT');
      await eventually('its end', () => !gateway.isRunning);
      assert.equal(await gateway.stop().then(() => 'ended with 0'), 'ended with 0');
      assert.equal(await hostSnapshot(lab), untouched);
    });

    test('no number is used twice: sender ids are fresh over ten starts, half of them after kill -9', async () => {
      const underlay = await lab.capture('gw', 'isp', 'udp src port 4444');
      const talking = lab.spawn('c1', ['ping', '-n', '-q', '-i', '0.02', ADDRESS.r1]);
      await start([alice, bob]);
      for (let i = 0; i < 10; i++) {
        await back('c1');
        if (i % 2 === 0) await gateway.kill9();
        else await gateway.stop();
        gateway = await gateway.startAgain();
      }
      // Reloads that renew a client's association must not repeat anything either.
      for (const clients of [[bob], [alice, bob], [bob], [alice, bob]]) {
        const before = await gateway.metrics();
        gateway.reload(gatewayFiles(lab, clients).yaml);
        await gateway.reloaded('success', before);
        if (clients.includes(alice)) await back('c1');
      }
      await talking.stop('SIGINT');
      await underlay.stop();
      await gateway.stop();
      const sent = readDatagrams(underlay.file).map(({ payload }) => satpHeader(payload));
      const used = new Set(sent.map(({ mux, senderId, sequence }) => `${mux} ${senderId} ${sequence}`));
      assert.ok(sent.length > 100, `${sent.length} datagrams`);
      assert.equal(used.size, sent.length);
      assert.ok(new Set(sent.map(({ senderId }) => senderId)).size >= 11);
    });

    test('secrets show nowhere: command line, environment, log, HTTP, state', async () => {
      const passphrase = 'canary-passphrase-5bd1e995';
      const key = 'c0ffee5bd1e995c0ffee5bd1e995c0ff';
      const carol = agreement({ name: 'carol', box: 'c1', mux: 30, inner: '10.99.0.30', passphrase });
      const dave = agreement({ name: 'dave', box: 'c2', mux: 31, inner: '10.99.0.31', key, salt: key.slice(0, 28) });
      const { yaml, files } = gatewayFiles(lab, [alice, carol, dave], { log: { level: 'trace' } });
      gateway = await lab.startGateway(yaml, { files });
      await back('c1');
      const seen = new Map<string, string>();
      for (const name of ['cmdline', 'environ']) {
        seen.set(name, readFileSync(`/proc/${gateway.pid}/${name}`, 'latin1'));
      }
      const paths = ['livez', 'readyz', 'healthz', 'metrics', '', 'openapi.json'];
      const tables = ['status', 'clients', 'mappings', 'sessions', 'pools'].map((table) => `api/v1/${table}`);
      for (const path of [...paths, ...tables]) {
        const { status, body } = await gateway.http(`/${path}`);
        assert.ok(status !== 0, `/${path}: ${body}`);
        seen.set(path, body);
      }
      // A file that is refused for what stands beside the secrets, and for the secrets themselves.
      const before = await gateway.metrics();
      const broken = gatewayFiles(lab, [alice, carol, { ...dave, key: `${key}zz` }], { relay: { pol: 1 } });
      gateway.reload(broken.yaml);
      await gateway.reloaded('failure', before);
      const inline = gatewayFiles(lab, [alice], { clients: [{ name: 'eve', mux: 1, passphrase, addresses: 'x' }] });
      const again = await gateway.metrics();
      gateway.reload(inline.yaml);
      await gateway.reloaded('failure', again);
      const dying = await gateway.http('/api/v1/reload', ['-X', 'POST']);
      seen.set('the answer to a reload', dying.body);
      await gateway.stop();
      seen.set('the log', gateway.log());
      const state = await lab.run('gw', ['sh', '-c', `cat "$1"/*`, 'sh', join(lab.dir, 'state')]);
      seen.set('the state directory', state);
      for (const [where, text] of seen) {
        for (const secret of [passphrase, key, key.slice(0, 28), alice.passphrase!]) {
          assert.ok(!text.toLowerCase().includes(secret.toLowerCase()), `${where} shows a secret`);
        }
      }
    });
  });

  suite('reloads, and the loss of a shard', () => {
    before(async () => {
      await start([alice]);
      await back('c1');
    });
    after(stopIfRunning);
    test('a reload applies new clients and keeps a running TCP transfer', async () => {
      const size = 2_000_000;
      const transfer = lab.exec('c1', download(size, '600k'));
      await sleep(300);
      const before = await gateway.metrics();
      assert.ok(!(await lab.ping('c2', ADDRESS.r1, { count: 1, args: ['-W', '0.5'] })), 'bob is unknown yet');

      const { yaml, files } = gatewayFiles(lab, [alice, bob]);
      gateway.writeFiles(files);
      gateway.reload(yaml);
      await gateway.reloaded('success', before);
      await checkPing(lab, 'c2');

      const { stdout, stderr } = await transfer;
      assert.equal(stdout, `${size}`, stderr);
      const counted = growth(before, await gateway.metrics());
      assert.equal(total(counted, 'anygate_config_reloads_total', 'success'), 1);
      assert.equal(total(counted, 'anygate_shard_restarts_total'), 0);
      await checkPing(lab, 'c1');
    });

    test('a reload of a file with mistakes changes nothing, and the log names each', async () => {
      const before = await gateway.metrics();
      const { yaml } = gatewayFiles(lab, [alice], { relay: { pol: ['198.51.100.99'], ports: '70000' } });
      gateway.reload(yaml);
      await gateway.reloaded('failure', before);
      assert.match(gateway.log(), /anygate\.yaml:\d+: relay\.pol: unknown key.* pool\b/);
      assert.match(gateway.log(), /anygate\.yaml:\d+: relay\.ports: /);
      await Promise.all([checkPing(lab, 'c1'), checkPing(lab, 'c2')]);

      const fixed = gatewayFiles(lab, [alice], { satp: { listen: ['0.0.0.0:4445'] } });
      const again = await gateway.metrics();
      gateway.reload(fixed.yaml);
      await gateway.reloaded('failure', again);
      assert.match(gateway.log(), /satp\.listen: .*restart/);
      await Promise.all([checkPing(lab, 'c1'), checkPing(lab, 'c2')]);
    });

    test('a reload takes a client away, and brings it back', async () => {
      let before = await gateway.metrics();
      gateway.reload(gatewayFiles(lab, [alice]).yaml);
      await gateway.reloaded('success', before);
      assert.ok(!(await lab.ping('c2', ADDRESS.r1, { count: 1, args: ['-W', '0.5'] })));
      await checkPing(lab, 'c1');
      before = await gateway.metrics();
      gateway.reload(gatewayFiles(lab, [alice, bob]).yaml);
      await gateway.reloaded('success', before);
      await back('c2');
      await checkPing(lab, 'c1');
    });

    test('a shard that dies is replaced and counted; /readyz is 503 meanwhile, and clients go on', async () => {
      const script = join(import.meta.dirname, 'kill-shard.ts');
      const watch: number[] = [];
      const killing = lab.run('gw', [process.execPath, script, `${gateway.pid}`]);
      await eventually(
        () => `the shard is replaced; readiness ${watch}; ${gateway.log()}`,
        async () => {
          watch.push((await gateway.http('/readyz')).status);
          return watch.includes(503) && watch.at(-1) === 200;
        },
        10_000,
      );
      await killing;
      assert.equal(total(await gateway.metrics(), 'anygate_shard_restarts_total'), 1);
      assert.equal((await gateway.http('/livez')).status, 200);
      await Promise.all([back('c1'), back('c2')]);
      await Promise.all([checkPing(lab, 'c1'), checkPing(lab, 'c2')]);
    });
  });
});
