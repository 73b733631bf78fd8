// A gateway that has restarted, with what its predecessor remembered.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../src/base/time.ts';
import { Gateway } from './lab.ts';
import { deliveredOf, home, lived, replayer, restarted, type Scene, say } from './lives.ts';

/** The next gateway, which has heard nothing yet. */
const successor = ({ gateway, crypto }: Scene): Gateway => {
  gateway.satp.remove(0);
  return new Gateway({ crypto, lines: gateway.lines });
};

test('a client that goes on where it was is heard at once after the gateway has restarted', () => {
  const scene = lived();
  const next = successor(scene);
  assert.equal(next.receive({ datagram: say(scene.client), from: home }).delivered.length, 1);
  assert.deepEqual(next.endpoint, home);
});

test('a replay of recorded datagrams delivers nothing to a gateway that has restarted, and does not become the client’s endpoint', () => {
  for (const from of [replayer, home]) {
    const scene = lived();
    const next = successor(scene);
    assert.equal(
      deliveredOf(
        next,
        scene.captured.map((datagram) => ({ datagram, from })),
      ),
      0,
    );
    assert.equal(next.endpoint, undefined);
    assert.equal(next.receive({ datagram: say(scene.client), from: home }).delivered.length, 1);
  }
});

test('a client that restarted while the gateway was away proves it, though it was never heard of by this gateway', () => {
  const scene = lived();
  const next = successor(scene);
  scene.client.restart();
  const step = next.receive({ datagram: say(scene.client), from: home });
  assert.deepEqual(step.delivered, []);
  assert.deepEqual(step.sent[0]!.to, home, 'a challenge goes to where it is');
  next.receive({ datagram: scene.client.answer(step.sent[0]!.datagram)!, from: home });
  assert.equal(next.receive({ datagram: say(scene.client), from: home }).delivered.length, 1);
  assert.equal(next.count('tunnelRestarts'), 1);
  assert.equal(next.count('tunnelRoams'), 0, 'it was nowhere before');
});

test('a contested line stays contested: the earlier life is replayed in vain, before the client speaks and after', () => {
  for (const from of [replayer, home]) {
    const scene = lived();
    restarted(scene);
    const next = successor(scene);
    const replays = scene.captured.map((datagram) => ({ datagram, from }));
    assert.equal(deliveredOf(next, replays), 0);
    assert.equal(next.endpoint, undefined);
    next.pass(seconds(5));
    const step = next.receive({ datagram: say(scene.client), from: home });
    next.receive({ datagram: scene.client.answer(step.sent[0]!.datagram)!, from: home });
    assert.equal(next.receive({ datagram: say(scene.client), from: home }).delivered.length, 1);
    assert.equal(deliveredOf(next, replays), 0);
    assert.deepEqual(next.endpoint, home);
  }
});

test('what the operator made a gateway forget, its successor does not remember either', () => {
  const scene = lived(200, { spec: { restart: { kind: 'strict' } } });
  scene.gateway.satp.reset(0);
  const next = successor(scene);
  scene.client.restart();
  assert.equal(next.receive({ datagram: say(scene.client), from: home }).delivered.length, 1);
  assert.deepEqual(next.endpoint, home);
});
