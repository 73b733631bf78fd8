import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, seconds } from '../../src/base/time.ts';
import { ip4 } from '../../src/wire/addr.ts';
import { at, CLIENT, GATEWAY, ping } from './lab.ts';
import { away, home, lived, replayer, restarted, say } from './lives.ts';

test('a stock client that restarts at 0 is back after one echo, without a single old number accepted', () => {
  const scene = lived();
  const { gateway, client } = scene;
  client.restart();
  const step = gateway.receive({ datagram: say(client), from: home });
  assert.deepEqual(step.drops, ['satpUnproven']);
  assert.equal(step.delivered.length, 0);
  assert.equal(step.sent.length, 1);
  assert.deepEqual(step.sent[0]!.to, home);
  const echo = client.open(step.sent[0]!.datagram);
  assert.deepEqual([echo.readUInt32BE(12), echo.readUInt32BE(16)], [GATEWAY, CLIENT]);
  const answered = gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: home });
  assert.deepEqual(answered, { delivered: [], drops: [], sent: [] });
  assert.equal(gateway.count('tunnelRestarts'), 1);
  assert.equal(gateway.count('tunnelRoams'), 0);
  assert.deepEqual(gateway.satp.view(0)!.lines, [{ senderId: 0, highest: 1, contested: true }]);
  for (let n = 0; n < 300; n++) {
    assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1, `${n}`);
  }
  assert.equal(gateway.satp.view(0)!.lines[0]!.contested, false);
});

test('it is back too if it restarted at another address, and its endpoint is then there', () => {
  const scene = lived();
  restarted(scene, away);
  assert.deepEqual(scene.gateway.endpoint, away);
  assert.equal(scene.gateway.isProven, true);
  assert.equal(scene.gateway.count('tunnelRoams'), 1);
  assert.equal(scene.gateway.receive({ datagram: say(scene.client), from: away }).delivered.length, 1);
});

test('a challenge is never longer than the datagram that provokes it', () => {
  const { gateway, client } = lived();
  client.restart();
  const short = gateway.receive({ datagram: client.datagram(ping(CLIENT, GATEWAY, 43)), from: home });
  assert.deepEqual(short, { delivered: [], drops: ['satpReplayed'], sent: [] });
  const datagram = client.datagram(ping(CLIENT, GATEWAY, 44));
  const step = gateway.receive({ datagram, from: home });
  assert.ok(step.sent[0]!.datagram.length <= datagram.length);
});

test('old datagrams cost no cryptography but once a second, and bring at most one challenge a second', () => {
  const { gateway, crypto, captured } = lived();
  crypto.opened = 0;
  for (let tick = 0; tick < 30; tick++) {
    for (const datagram of captured.slice(0, 10)) gateway.receive({ datagram, from: replayer });
    gateway.pass(milliseconds(100));
  }
  assert.equal(crypto.opened, 3);
  assert.equal(gateway.challenges('sent'), 3);
});

test('datagrams that could be the answer by their length are opened, but bring no more challenges either', () => {
  const { gateway, client, crypto } = lived();
  client.restart();
  const old = (): Buffer => client.datagram(ping(CLIENT, GATEWAY, 44));
  crypto.opened = 0;
  for (let n = 0; n < 9; n++) gateway.receive({ datagram: old(), from: home });
  for (let n = 0; n < 9; n++) gateway.receive({ datagram: old(), from: replayer });
  assert.equal(crypto.opened, 9);
  assert.equal(gateway.challenges('sent'), 1);
});

test('a forged old datagram brings no challenge and takes no turn', () => {
  const { gateway, client } = lived();
  client.restart();
  const forged = say(client);
  forged[12]! ^= 1;
  assert.deepEqual(gateway.receive({ datagram: forged, from: home }), {
    delivered: [],
    drops: ['satpBadTag'],
    sent: [],
  });
  assert.equal(gateway.receive({ datagram: say(client), from: home }).sent.length, 1);
});

test('a replay of everything captured, from anywhere, resets nothing, moves nothing and delivers nothing', () => {
  for (const from of [replayer, home]) {
    const { gateway, client, captured } = lived();
    for (let round = 0; round < 5; round++) {
      for (const datagram of captured) {
        const step = gateway.receive({ datagram, from });
        assert.equal(step.delivered.length, 0);
        // Whoever is at home answers what is sent there; the replayer has no keys.
        for (const { to, datagram: challenge } of step.sent) {
          assert.deepEqual(to, from);
          if (from !== home) continue;
          assert.equal(gateway.receive({ datagram: client.answer(challenge)!, from: home }).delivered.length, 0);
        }
      }
      gateway.pass(seconds(1.5));
    }
    assert.equal(gateway.count('tunnelRestarts'), 0);
    assert.equal(gateway.count('tunnelRoams'), 0);
    assert.deepEqual(gateway.endpoint, home);
    assert.equal(gateway.satp.view(0)!.lines[0]!.contested, false);
    assert.equal(gateway.receive({ datagram: say(client), from: home }).delivered.length, 1);
  }
});

test('a challenge that a replayer passes on to the living client proves nothing to the replayer’s credit', () => {
  const { gateway, client, captured } = lived();
  const step = gateway.receive({ datagram: captured[3]!, from: replayer });
  const answer = client.answer(step.sent[0]!.datagram)!;
  gateway.receive({ datagram: answer, from: home });
  assert.equal(gateway.challenges('answered'), 0);
  gateway.receive({ datagram: answer, from: replayer });
  assert.equal(gateway.count('tunnelRestarts'), 0);
  assert.deepEqual(gateway.endpoint, home);
});

test('the answer counts by its own number, so a replayer gains nothing by doubts with high numbers in the client’s name', () => {
  const { gateway, client, captured } = lived();
  client.restart();
  const step = gateway.receive({ datagram: captured[199]!, from: home });
  client.sequence = 3;
  gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: home });
  assert.equal(gateway.count('tunnelRestarts'), 1);
  assert.equal(gateway.satp.view(0)!.lines[0]!.highest, 3);
});

/**
 * A client that restarted at `from` and pings once in 200 ms, against replayers that flood its old datagrams from `floods`;
 * returns after how many milliseconds it is back, or undefined.
 */
const race = (from: Uint32Array, floods: readonly Uint32Array[], limit = 20_000): number | undefined => {
  const { gateway, client, captured } = lived();
  let k = 0;
  const flood = (): void => {
    for (const replay of floods) gateway.receive({ datagram: captured[k++ % captured.length]!, from: replay });
  };
  flood();
  client.restart();
  for (let elapsed = 0; elapsed < limit; elapsed += 10) {
    flood();
    if (elapsed % 200 === 0) {
      const step = gateway.receive({ datagram: say(client), from });
      for (const { to, datagram } of step.sent) {
        assert.deepEqual(to, from);
        gateway.receive({ datagram: client.answer(datagram)!, from });
      }
      if (gateway.count('tunnelRestarts') > 0) return elapsed;
    }
    flood();
    gateway.pass(milliseconds(10));
  }
  return undefined;
};

test('nobody who replays old datagrams can keep a restarted client out', () => {
  const many = Array.from({ length: 20 }, (_, n) => at(100 + n));
  const within = (milliseconds: number | undefined, limit: number, what: string): void =>
    assert.ok(milliseconds !== undefined && milliseconds <= limit, `${what}: ${milliseconds} ms`);
  within(race(home, []), 0, 'alone');
  within(race(home, [replayer]), 1200, 'at home, against one elsewhere');
  within(race(home, many), 1200, 'at home, against twenty elsewhere');
  within(race(away, [replayer]), 3200, 'away, against one elsewhere');
  within(race(away, [home]), 1200, 'away, against one in the name of home');
});

test('a flood in the client’s own name helps it back, since the challenge goes to it', () => {
  const { gateway, client, captured } = lived();
  client.restart();
  const { sent } = gateway.receive({ datagram: captured[199]!, from: home });
  gateway.receive({ datagram: client.answer(sent[0]!.datagram)!, from: home });
  assert.equal(gateway.count('tunnelRestarts'), 1);
});

test('the inner source of what provokes a challenge is where the echo request goes', () => {
  const { gateway, client } = lived();
  client.restart();
  const step = gateway.receive({ datagram: client.datagram(ping(ip4(0x0a630009))), from: home });
  assert.equal(client.open(step.sent[0]!.datagram).readUInt32BE(16), 0x0a630009);
});
