import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../src/base/time.ts';
import { Client, Gateway, ping } from './lab.ts';
import { away, deliveredOf, home, lived, replayer, restarted, say } from './lives.ts';

test('after a restart, a replay of the first life delivers nothing, resets nothing and moves nothing, even from the client’s own address', () => {
  for (const from of [replayer, home]) {
    const scene = lived();
    restarted(scene);
    const { gateway, client, captured } = scene;
    const restarts = gateway.count('tunnelRestarts');
    for (let n = 0; n < 250; n++) {
      assert.equal(
        deliveredOf(
          gateway,
          captured.map((datagram) => ({ datagram, from })),
        ),
        0,
        `at ${client.sequence}`,
      );
      assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
    }
    assert.equal(gateway.count('tunnelRestarts'), restarts);
    assert.equal(gateway.count('tunnelRoams'), 0);
    assert.deepEqual(gateway.endpoint, home);
  }
});

test('after several restarts, replays of the lives before deliver nothing either', () => {
  const scene = lived();
  const { gateway, client } = scene;
  const captured = [...scene.captured];
  for (let life = 2; life <= 4; life++) {
    restarted(scene);
    for (let n = 0; n < 100; n++) {
      const datagram = say(client);
      assert.equal(gateway.receive({ datagram, from: home }).delivered.length, 1);
      captured.push(datagram);
    }
    const replays = captured.map((datagram) => ({ datagram, from: home }));
    assert.equal(deliveredOf(gateway, replays), 0, `life ${life}`);
  }
});

test('on a contested line a datagram from elsewhere is a candidate, and an answer moves the endpoint', () => {
  const scene = lived();
  restarted(scene);
  const { gateway, client } = scene;
  gateway.pass(seconds(1));
  const step = gateway.receive({ datagram: say(client), from: away });
  assert.deepEqual(step.drops, ['satpUnproven']);
  assert.deepEqual(gateway.endpoint, home);
  assert.deepEqual(step.sent[0]!.to, away);
  gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: away });
  assert.deepEqual(gateway.endpoint, away);
  assert.equal(gateway.receive({ datagram: say(client), from: away }).delivered.length, 1);
  assert.equal(gateway.satp.view(0)!.lines[0]!.contested, true);
});

test('on a contested line even the client’s endpoint is not heard while it is unproven', () => {
  const scene = lived();
  restarted(scene);
  const { gateway, client } = scene;
  const sequence = client.sequence;
  client.senderId = 9;
  client.sequence = 0;
  assert.equal(gateway.receive({ datagram: say(client), from: away }).delivered.length, 1);
  assert.deepEqual(gateway.endpoint, away);
  client.senderId = 0;
  client.sequence = sequence;
  assert.deepEqual(gateway.receive({ datagram: say(client), from: away }).drops, ['satpUnproven']);
});

test('on a contested line a jump of more than a window needs another proof', () => {
  const scene = lived();
  restarted(scene);
  const { gateway, client, captured } = scene;
  gateway.pass(seconds(1));
  const far = gateway.receive({ datagram: captured[150]!, from: home });
  assert.deepEqual(far.drops, ['satpUnproven']);
  assert.equal(far.delivered.length, 0);
  client.sequence = 120;
  gateway.receive({ datagram: client.answer(far.sent[0]!.datagram)!, from: home });
  assert.equal(gateway.satp.view(0)!.lines[0]!.highest, 120);
  assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
  client.sequence = 122 + 64;
  assert.deepEqual(gateway.receive({ datagram: say(client), from: home }).drops, ['satpUnproven']);
  client.sequence = 121 + 64;
  assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
});

test('numbers of the earlier line stay contested when the line has left them behind', () => {
  const scene = lived();
  const { gateway, client } = scene;
  const never = say(client);
  gateway.receive({ datagram: say(client), from: home });
  restarted(scene);
  while (client.sequence < 200) gateway.receive({ datagram: say(client), from: home });
  client.sequence = 201;
  for (let n = 0; n < 5; n++) gateway.receive({ datagram: say(client), from: home });
  assert.equal(gateway.satp.view(0)!.lines[0]!.contested, false);
  assert.equal(gateway.receive({ datagram: never, from: replayer }).delivered.length, 0);
});

test('a client whose every datagram is the same as in its first life is believed after a few proofs', () => {
  const gateway = new Gateway();
  const client = new Client();
  const beat = (): Buffer => client.datagram(ping());
  for (let n = 0; n < 60; n++) gateway.receive({ datagram: beat(), from: home });
  client.restart();
  const first = gateway.receive({ datagram: beat(), from: home });
  gateway.receive({ datagram: client.answer(first.sent[0]!.datagram)!, from: home });
  let lost = 0;
  for (let n = 0; n < 20; n++) {
    gateway.pass(seconds(1));
    const step = gateway.receive({ datagram: beat(), from: home });
    if (step.delivered.length === 0) lost++;
    for (const { datagram } of step.sent) gateway.receive({ datagram: client.answer(datagram)!, from: home });
  }
  assert.equal(lost, 3);
});

test('a replayer cannot make a line believe in repeats as long as the client’s own datagrams arrive', () => {
  const scene = lived();
  restarted(scene);
  const { gateway, client, captured } = scene;
  for (let n = 0; n < 50; n++) {
    gateway.pass(seconds(1));
    const step = gateway.receive({ datagram: captured[client.sequence]!, from: home });
    assert.equal(step.delivered.length, 0);
    gateway.receive({ datagram: say(client), from: home });
    for (const { datagram } of step.sent) gateway.receive({ datagram: client.answer(datagram)!, from: home });
  }
});

test('numbers that were lost on the way, repeated by somebody, make no line believe in repeats', () => {
  const scene = lived();
  restarted(scene);
  const { gateway, client, captured } = scene;
  for (let n = 0; n < 20; n++) {
    const lost = client.sequence++;
    gateway.receive({ datagram: say(client), from: home });
    gateway.pass(seconds(1));
    const step = gateway.receive({ datagram: captured[lost]!, from: home });
    assert.equal(step.delivered.length, 0, `${n}`);
    for (const { datagram } of step.sent) gateway.receive({ datagram: client.answer(datagram)!, from: home });
  }
});

test('a client has four sender ids; a fifth has to be proved, and evicts the least recently used one', () => {
  const { gateway, client } = lived();
  for (const senderId of [1, 2, 3]) {
    gateway.pass(seconds(1));
    client.senderId = senderId;
    client.restart();
    assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
  }
  gateway.pass(seconds(1));
  client.senderId = 4;
  client.restart();
  const step = gateway.receive({ datagram: say(client), from: home });
  assert.deepEqual(step.drops, ['satpUnproven']);
  gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: home });
  assert.deepEqual(
    gateway.satp.view(0)!.lines.map((line) => [line.senderId, line.contested]),
    [
      [4, true],
      [1, false],
      [2, false],
      [3, false],
    ],
  );
  assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
  assert.equal(gateway.receive({ datagram: say(client), from: away }).delivered.length, 0);
});

test('replays under an evicted sender id deliver nothing', () => {
  const { gateway, client, captured } = lived();
  for (const senderId of [1, 2, 3, 4]) {
    gateway.pass(seconds(2));
    client.senderId = senderId;
    client.restart();
    for (let n = 0; n < 2; n++) {
      const step = gateway.receive({ datagram: say(client), from: home });
      for (const { datagram } of step.sent) gateway.receive({ datagram: client.answer(datagram)!, from: home });
    }
  }
  for (let round = 0; round < 5; round++) {
    gateway.pass(seconds(2));
    assert.equal(
      deliveredOf(
        gateway,
        captured.map((datagram) => ({ datagram, from: replayer })),
      ),
      0,
    );
  }
});
