import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../src/base/time.ts';
import { away, deliveredOf, home, lived, say } from './lives.ts';

test('with restart strict an old number is dropped, whatever happens', () => {
  const { gateway, client, crypto } = lived(200, { spec: { restart: { kind: 'strict' } } });
  client.restart();
  crypto.opened = 0;
  for (let n = 0; n < 200; n++) {
    gateway.pass(seconds(1));
    assert.deepEqual(gateway.receive({ datagram: say(client), from: home }).drops, ['satpReplayed']);
  }
  assert.equal(crypto.opened, 0);
  assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
});

test('with restart strict a fifth sender id is refused until the operator resets the association', () => {
  const { gateway, client } = lived(1, { spec: { restart: { kind: 'strict' } } });
  for (const senderId of [1, 2, 3]) {
    client.senderId = senderId;
    assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
  }
  client.senderId = 4;
  assert.deepEqual(gateway.receive({ datagram: say(client), from: home }).drops, ['satpUnproven']);
  gateway.satp.reset(0);
  assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
});

test('with restart after-silence an old number starts the line over once the client has been silent', () => {
  const scene = lived(200, { spec: { restart: { kind: 'after-silence', silence: seconds(60) } } });
  const { gateway, client, captured } = scene;
  client.restart();
  gateway.pass(seconds(59));
  assert.deepEqual(gateway.receive({ datagram: say(client), from: away }).drops, ['satpReplayed']);
  gateway.pass(seconds(1));
  const forged = say(client);
  forged[12]! ^= 1;
  assert.deepEqual(gateway.receive({ datagram: forged, from: away }).drops, ['satpBadTag']);
  assert.equal(gateway.receive({ datagram: say(client), from: away }).delivered.length, 1);
  assert.deepEqual(gateway.endpoint, away);
  assert.equal(gateway.count('tunnelRestarts'), 1);
  assert.equal(
    deliveredOf(
      gateway,
      captured.map((datagram) => ({ datagram, from: away })),
    ),
    0,
  );
  assert.equal(gateway.receive({ datagram: say(client), from: away }).delivered.length, 1);
});

test('with restart after-silence it is the last newer datagram that ends a silence', () => {
  const { gateway, client } = lived(200, { spec: { restart: { kind: 'after-silence', silence: seconds(60) } } });
  gateway.pass(seconds(50));
  gateway.receive({ datagram: say(client), from: home });
  gateway.pass(seconds(59));
  client.restart();
  assert.deepEqual(gateway.receive({ datagram: say(client), from: home }).drops, ['satpReplayed']);
});

test('with restart after-silence a fifth sender id takes the place of one that has been silent', () => {
  const { gateway, client } = lived(1, { spec: { restart: { kind: 'after-silence', silence: seconds(60) } } });
  for (const senderId of [1, 2, 3]) {
    client.senderId = senderId;
    gateway.receive({ datagram: say(client), from: home });
  }
  client.senderId = 4;
  assert.deepEqual(gateway.receive({ datagram: say(client), from: home }).drops, ['satpUnproven']);
  gateway.pass(seconds(60));
  assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
});
