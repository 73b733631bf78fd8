// Our own client against servers that are not ours, and over an underlay that the stock clients of the other tests do not use.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { Lab } from './lab.ts';
import { eventually, type RunningProcess } from './processes.ts';
import { startReferenceServer } from './reference-server.ts';
import { agreement, startGateway, total } from './setup.ts';
import { ADDRESS, INNER, PREFIX } from './topology.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'conntrack', 'ping', 'curl', 'anytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

const PROGRAM = join(import.meta.dirname, '../../src/client/main.ts');
const MUX = 9;
const DEVICE = 'sat0';

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** What the daemons make of a passphrase. */
const keysOf = (passphrase: string): { readonly key: string; readonly salt: string } => ({
  key: hex(createHash('sha256').update(passphrase).digest().subarray(-16)),
  salt: hex(createHash('sha1').update(passphrase).digest().subarray(-14)),
});

/** Starts our client in `c1`; resolves when its device is up and routed. */
const startOwnClient = async (lab: Lab, changes: object = {}): Promise<RunningProcess> => {
  const file = join(lab.dir, 'client.json');
  const config = {
    gateway: `${ADDRESS.gw}:4444`,
    mux: MUX,
    stateDir: 'client-state',
    device: { name: DEVICE, mtu: 1400, address: `${INNER.c1}/24` },
    ...changes,
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const client = lab.spawn('c1', [process.execPath, PROGRAM, file], { log: 'own-client.log' });
  await eventually(
    () => `${DEVICE} is up`,
    async () => {
      if (!client.isRunning) throw new Error('our client ended');
      return (await lab.exec('c1', ['ip', 'route', 'replace', PREFIX.thirdParties, 'dev', DEVICE])).code === 0;
    },
  );
  return client;
};

const hasDevice = async (lab: Lab): Promise<boolean> =>
  (await lab.exec('c1', ['ip', 'link', 'show', DEVICE])).code === 0;

test('our client and a stock anytun server carry pings both ways, and our client restarts', { skip }, async () => {
  await using lab = await Lab.create();
  const passphrase = randomBytes(24).toString('base64url');
  await startReferenceServer(lab, { passphrase, mux: MUX, external: '198.51.100.10' });
  const client = await startOwnClient(lab, keysOf(passphrase));
  assert.ok(await lab.ping('c1', INNER.gw), 'the server answers our client');
  assert.ok(await lab.ping('gw', INNER.c1), 'our client’s host answers the server');
  assert.ok(await lab.ping('c1', ADDRESS.r1, { size: 1372 }), 'packets of 1400 octets reach a third party');

  assert.equal(await client.stop('SIGTERM'), 0);
  assert.equal(await hasDevice(lab), false, 'the device goes with the client');
  const again = await startOwnClient(lab, keysOf(passphrase));
  assert.ok(await lab.ping('c1', INNER.gw), 'a restarted client goes on under a fresh sender id');
  assert.equal(await again.stop('SIGINT'), 0);
});

test('our client reaches our gateway over IPv6 and relays to a third party', { skip }, async () => {
  await using lab = await Lab.create();
  const keys = { key: hex(randomBytes(32)), salt: hex(randomBytes(14)) };
  const strong = { kdf: 'aes-ctr-256', cipher: 'aes-ctr-192' };
  const agreed = agreement({ name: 'own', box: 'c1', mux: MUX, ...keys, ...strong, tag: 20 });
  const gateway = await startGateway(lab, [agreed]);
  await startOwnClient(lab, { ...keys, ...strong, authTagLength: 20, gateway: `[${ADDRESS.gw6}]:4444` });
  assert.ok(await lab.ping('c1', INNER.gw), 'the gateway answers');
  assert.ok(await lab.ping('c1', ADDRESS.r1), 'a third party answers');
  assert.equal(total(await gateway.metrics(), 'anygate_tunnel_challenges_total'), 0, 'nothing had to be proved');
});

test('two clients never share a state directory, and a file that is not there is a configuration error', {
  skip,
}, async () => {
  await using lab = await Lab.create();
  const config = keysOf('x');
  await startOwnClient(lab, config);
  const file = join(lab.dir, 'client.json');
  const second = await lab.exec('c1', [process.execPath, PROGRAM, file]);
  assert.equal(second.code, 3);
  assert.match(second.stderr, /ERR_STATE_DIR: another/);
  const unknown = await lab.exec('c1', [process.execPath, PROGRAM, join(lab.dir, 'absent.json')]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /ERR_CONFIG: .*cannot be read \(ENOENT\)/);
});
