import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Config, examineText } from '../../src/control/config.ts';
import { PresentSettings } from '../../src/control/present-settings.ts';
import { type Ip4, parseIp4 } from '../../src/wire/addr.ts';

const ip = (text: string): Ip4 => parseIp4(text)!;

const configWith = (clients: string): Config => {
  const { config, problems } = examineText(`clients: [${clients}]\nrelay: { pool: [198.51.100.10] }\n`, 'anygate.yaml');
  assert.ok(config, JSON.stringify(problems));
  return config;
};
const alice = '{ name: alice, mux: 1, passphrase: a very long passphrase of alice, addresses: [10.99.0.2/32] }';
const bob = '{ name: bob, mux: 2, passphrase: a very long passphrase of bob, addresses: [10.99.0.3/32] }';

const rig = (): { present: PresentSettings; addresses: Ip4[] } => {
  let next = 100;
  const addresses = [ip('127.0.0.1'), ip('192.0.2.1')];
  return { present: new PresentSettings({ lease: () => next++ }, () => [...addresses]), addresses };
};

test('a new shard and a new association take a fresh sender id; a change that begins nothing keeps the present one', () => {
  const { present } = rig();
  assert.equal(present.fresh(configWith(alice)).senderId, 100);
  assert.equal(present.changed(configWith(alice)).senderId, 100);
  assert.equal(present.changed(configWith(`${alice}, ${bob}`)).senderId, 101);
  assert.equal(present.changed(configWith(alice)).senderId, 101);
  assert.equal(present.changed(configWith(`${alice}, ${bob}`)).senderId, 102, 'bob comes back, and counts at 0 again');
  assert.equal(present.fresh(configWith(alice)).senderId, 103);
});

test('a change that fails leaves the settings as they were', async () => {
  const { present } = rig();
  present.fresh(configWith(alice));
  await assert.rejects(
    present.during(async () => {
      present.changed(configWith(`${alice}, ${bob}`));
      throw new Error('no');
    }),
  );
  assert.equal(present.changed(configWith(`${alice}, ${bob}`)).senderId, 102, 'bob has never begun');
});

test('an address that the host gains is refused to clients without a new sender id', () => {
  const { present, addresses } = rig();
  const config = configWith(alice);
  present.fresh(config);
  assert.equal(present.afterHostChange(config), undefined);
  addresses.push(ip('192.0.2.77'), ip('198.51.100.10'));
  const settings = present.afterHostChange(config);
  assert.equal(settings?.senderId, 100);
  assert.ok(settings.policy.hostAddresses.includes(ip('192.0.2.77')));
  assert.ok(!settings.policy.hostAddresses.includes(ip('198.51.100.10')), 'pool addresses stay reachable');
  assert.equal(present.afterHostChange(config), undefined);
});
