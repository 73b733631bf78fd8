import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Protocol } from '../../src/base/protocol.ts';
import { beginsAssociation, shardSettings } from '../../src/control/shard-settings.ts';
import { showMapping, showPool, showSession } from '../../src/control/views.ts';
import { Role } from '../../src/satp/crypto.ts';
import { ip4, parseIp4, port } from '../../src/wire/addr.ts';
import { accept, COMPLETE, client, KEY, RELAY, SALT } from './configs.ts';

const own = parseIp4('203.0.113.9')!;
const pooled = parseIp4('198.51.100.17')!;

test('a shard is told everything, in numbers and octets', () => {
  const settings = shardSettings(accept(COMPLETE), { senderId: 150, hostAddresses: [own, pooled] });
  assert.equal(settings.senderId, 150);
  assert.equal(settings.replayWindow, 64);
  const { association, prefixes } = settings.clients[0]!;
  assert.equal(Buffer.from(association.keys.masterKey).toString('hex'), KEY);
  assert.equal(Buffer.from(association.keys.masterSalt).toString('hex'), SALT);
  assert.deepEqual(
    [
      association.name,
      association.mux,
      association.keys.role,
      association.keys.kdf,
      association.keys.cipher,
      association.keys.tagLength,
    ],
    ['alice', 7, Role.right, 128, 256, 12],
  );
  assert.equal(prefixes.length, 2);
  assert.equal(association.innerAddress, parseIp4('10.99.0.2'));
  assert.deepEqual(settings.nat.filtering, ['address-dependent', 'address-and-port-dependent', 'endpoint-independent']);
  assert.equal(settings.nat.filtering[Protocol.tcp], 'address-and-port-dependent');
  assert.equal(settings.nat.pool.length, 13);
  assert.equal(settings.nat.gatewayAddress, parseIp4('10.99.0.1'));
  assert.equal(settings.policy.allowReserved, true);
});

test('an address of the pool is not among those that clients must not reach', () => {
  const settings = shardSettings(accept(COMPLETE), { senderId: 0, hostAddresses: [own, pooled] });
  assert.deepEqual(settings.policy.hostAddresses, [own]);
});

test('a client of a prefix has no one address to send a challenge to', () => {
  const config = accept(client().replace('10.99.0.2/32', '10.99.8.0/24') + RELAY);
  assert.equal(shardSettings(config, { senderId: 0, hostAddresses: [] }).clients[0]!.association.innerAddress, 0);
});

test('settings can cross a thread border', () => {
  const settings = shardSettings(accept(COMPLETE), { senderId: 1, hostAddresses: [] });
  assert.deepEqual(structuredClone(settings), settings);
});

test('a sender id goes on through a reload only if no association begins', () => {
  const settingsOf = (text: string) => shardSettings(accept(text), { senderId: 1, hostAddresses: [] });
  const begins = (from: string, to: string): boolean => beginsAssociation(settingsOf(from), settingsOf(to));
  const change = (what: string | RegExp, to: string): string => {
    const changed = COMPLETE.replace(what, to);
    assert.notEqual(changed, COMPLETE);
    return changed;
  };
  const withoutBob = change(/ {2}- name: bob[\s\S]*?(?=relay:)/, '');
  assert.equal(begins(COMPLETE, COMPLETE), false);
  assert.equal(begins(COMPLETE, withoutBob), false, 'a client that goes');
  assert.equal(begins(withoutBob, COMPLETE), true, 'a client that comes, or comes back');
  assert.equal(begins(COMPLETE, change('restart: strict', 'restart: challenge')), false);
  assert.equal(begins(COMPLETE, change('10.99.0.3', '10.99.0.4')), false);
  assert.equal(begins(COMPLETE, change('name: bob', 'name: carol')), false, 'a new name for the same keys');
  for (const [what, to] of [
    ['mux: 65535', 'mux: 65534'],
    [KEY, `${KEY.slice(2)}00`],
    [SALT, `${SALT.slice(2)}00`],
    ['cipher: aes-ctr-256', 'cipher: aes-ctr-128'],
    ['authTagLength: 12', 'authTagLength: 13'],
    ['role: right', 'role: left'],
  ] as const) {
    assert.equal(begins(COMPLETE, change(what, to)), true, to);
  }
});

test('tables are shown in text, and a client that is gone has no name', () => {
  const at = (address: string, n: number) => ({ address: ip4(parseIp4(address)!), port: port(n) });
  const mapping = {
    protocol: Protocol.icmp,
    client: 3,
    internal: at('10.99.0.2', 7),
    external: at('198.51.100.1', 8),
    sessions: 2,
  };
  const nameOf = (row: number) => (row === 3 ? 'alice' : null);
  assert.deepEqual(showMapping(mapping, nameOf), {
    protocol: 'icmp',
    client: 'alice',
    internal: '10.99.0.2:7',
    external: '198.51.100.1:8',
    sessions: 2,
  });
  const session = {
    ...mapping,
    protocol: Protocol.tcp,
    remote: at('192.0.2.1', 80),
    state: 'established',
    expiresInSeconds: 5,
  };
  assert.deepEqual(
    [showSession(session, () => null).client, showSession(session, nameOf).remote],
    ['', '192.0.2.1:80'],
  );
  const pool = showPool({ address: parseIp4('198.51.100.1')!, capacity: 100, used: [1, 2, 3], heldDown: [0, 0, 4] });
  assert.deepEqual(pool, {
    address: '198.51.100.1',
    capacity: 100,
    used: { udp: 1, tcp: 2, icmp: 3 },
    heldDown: { udp: 0, tcp: 0, icmp: 4 },
  });
});
