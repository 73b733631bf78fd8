import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, seconds } from '../../src/base/time.ts';
import { ip4 } from '../../src/wire/addr.ts';
import { type Arrival, at, CLIENT, Client, GATEWAY, Gateway, ping } from './lab.ts';
import { NaiveCrypto } from './naive.ts';

const home = at(1);
const away = at(2);
const replayer = at(66);

interface Scene {
  readonly gateway: Gateway;
  readonly client: Client;
  readonly crypto: NaiveCrypto;
  /** Every datagram of the client's first life. */
  readonly captured: readonly Buffer[];
}

/** A client that has sent `packets`, all different, from home. */
const lived = (packets = 200, options: ConstructorParameters<typeof Gateway>[0] = {}): Scene => {
  const crypto = new NaiveCrypto();
  const gateway = new Gateway({ crypto, ...options });
  const client = new Client();
  const captured: Buffer[] = [];
  for (let n = 0; n < packets; n++) captured.push(say(client, 'first life'));
  for (const datagram of captured) gateway.receive({ datagram, from: home });
  return { gateway, client, crypto, captured };
};

/** A packet of the client's with something in it that is said only once. */
let saying = 0;
const say = (client: Client, _what: string): Buffer => {
  const inner = ping();
  inner.writeUInt32BE(++saying, 40);
  return client.datagram(inner);
};

/** The client starts anew and proves it; its first datagrams go to the challenge. */
const restarted = ({ gateway, client }: Scene, from: Uint32Array = home): void => {
  client.restart();
  gateway.pass(seconds(2));
  const { sent } = gateway.receive({ datagram: say(client, 'hello'), from });
  assert.equal(sent.length, 1, 'a challenge');
  gateway.receive({ datagram: client.answer(sent[0]!.datagram)!, from });
  assert.equal(gateway.satp.view(0)!.lines[0]!.highest, client.sequence - 1);
};

const deliveredOf = (gateway: Gateway, arrivals: readonly Arrival[]): number =>
  arrivals.reduce((n, arrival) => n + gateway.receive(arrival).delivered.length, 0);

test('a stock client that restarts at 0 is back after one echo, without a single old number accepted', () => {
  const scene = lived();
  const { gateway, client } = scene;
  client.restart();
  const step = gateway.receive({ datagram: say(client, 'hello'), from: home });
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
    assert.equal(gateway.receive({ datagram: say(client, 'work'), from: home }).delivered.length, 1, `${n}`);
  }
  assert.equal(gateway.satp.view(0)!.lines[0]!.contested, false);
});

test('it is back too if it restarted at another address, and its endpoint is then there', () => {
  const scene = lived();
  restarted(scene, away);
  assert.deepEqual(scene.gateway.endpoint, away);
  assert.equal(scene.gateway.isProven, true);
  assert.equal(scene.gateway.count('tunnelRoams'), 1);
  assert.equal(scene.gateway.receive({ datagram: say(scene.client, 'work'), from: away }).delivered.length, 1);
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
  const forged = say(client, 'forged');
  forged[12]! ^= 1;
  assert.deepEqual(gateway.receive({ datagram: forged, from: home }), {
    delivered: [],
    drops: ['satpBadTag'],
    sent: [],
  });
  assert.equal(gateway.receive({ datagram: say(client, 'hello'), from: home }).sent.length, 1);
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
    assert.equal(gateway.receive({ datagram: say(client, 'work'), from: home }).delivered.length, 1);
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
      assert.equal(gateway.receive({ datagram: say(client, 'work'), from: home }).delivered.length, 1);
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
      const datagram = say(client, 'work');
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
  const step = gateway.receive({ datagram: say(client, 'moved'), from: away });
  assert.deepEqual(step.drops, ['satpUnproven']);
  assert.deepEqual(gateway.endpoint, home);
  assert.deepEqual(step.sent[0]!.to, away);
  gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: away });
  assert.deepEqual(gateway.endpoint, away);
  assert.equal(gateway.receive({ datagram: say(client, 'work'), from: away }).delivered.length, 1);
  assert.equal(gateway.satp.view(0)!.lines[0]!.contested, true);
});

test('on a contested line even the client’s endpoint is not heard while it is unproven', () => {
  const scene = lived();
  restarted(scene);
  const { gateway, client } = scene;
  const sequence = client.sequence;
  client.senderId = 9;
  client.sequence = 0;
  assert.equal(gateway.receive({ datagram: say(client, 'another sender id moves'), from: away }).delivered.length, 1);
  assert.deepEqual(gateway.endpoint, away);
  client.senderId = 0;
  client.sequence = sequence;
  assert.deepEqual(gateway.receive({ datagram: say(client, 'contested'), from: away }).drops, ['satpUnproven']);
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
  assert.equal(gateway.receive({ datagram: say(client, 'work'), from: home }).delivered.length, 1);
});

test('numbers of the earlier line stay contested when the line has left them behind', () => {
  const scene = lived();
  const { gateway, client } = scene;
  const never = say(client, 'sent in the first life and lost on the way');
  gateway.receive({ datagram: say(client, 'last word'), from: home });
  restarted(scene);
  while (client.sequence < 200) gateway.receive({ datagram: say(client, 'work'), from: home });
  client.sequence = 201;
  for (let n = 0; n < 5; n++) gateway.receive({ datagram: say(client, 'work'), from: home });
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
    gateway.receive({ datagram: say(client, 'work'), from: home });
    for (const { datagram } of step.sent) gateway.receive({ datagram: client.answer(datagram)!, from: home });
  }
});

test('a client has four sender ids; a fifth has to be proved, and evicts the least recently used one', () => {
  const { gateway, client } = lived();
  for (const senderId of [1, 2, 3]) {
    gateway.pass(seconds(1));
    client.senderId = senderId;
    client.restart();
    assert.equal(gateway.receive({ datagram: say(client, 'hello'), from: home }).delivered.length, 1);
  }
  gateway.pass(seconds(1));
  client.senderId = 4;
  client.restart();
  const step = gateway.receive({ datagram: say(client, 'hello'), from: home });
  assert.deepEqual(step.drops, ['satpUnproven']);
  gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: home });
  assert.deepEqual(
    gateway.satp.view(0)!.lines.map((line) => line.senderId),
    [4, 1, 2, 3],
  );
  assert.equal(gateway.receive({ datagram: say(client, 'work'), from: home }).delivered.length, 1);
});

test('replays under an evicted sender id deliver nothing', () => {
  const { gateway, client, captured } = lived();
  for (const senderId of [1, 2, 3, 4]) {
    gateway.pass(seconds(2));
    client.senderId = senderId;
    client.restart();
    for (let n = 0; n < 2; n++) {
      const step = gateway.receive({ datagram: say(client, 'hello'), from: home });
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

test('with restart strict an old number is dropped, whatever happens', () => {
  const { gateway, client, crypto } = lived(200, { spec: { restart: { kind: 'strict' } } });
  client.restart();
  crypto.opened = 0;
  for (let n = 0; n < 200; n++) {
    gateway.pass(seconds(1));
    assert.deepEqual(gateway.receive({ datagram: say(client, 'hello'), from: home }).drops, ['satpReplayed']);
  }
  assert.equal(crypto.opened, 0);
  assert.equal(gateway.receive({ datagram: say(client, 'past the old maximum'), from: home }).delivered.length, 1);
});

test('with restart strict a fifth sender id is refused until the operator resets the association', () => {
  const { gateway, client } = lived(1, { spec: { restart: { kind: 'strict' } } });
  for (const senderId of [1, 2, 3]) {
    client.senderId = senderId;
    assert.equal(gateway.receive({ datagram: say(client, 'hello'), from: home }).delivered.length, 1);
  }
  client.senderId = 4;
  assert.deepEqual(gateway.receive({ datagram: say(client, 'hello'), from: home }).drops, ['satpUnproven']);
  gateway.satp.reset(0);
  assert.equal(gateway.receive({ datagram: say(client, 'hello'), from: home }).delivered.length, 1);
});

test('with restart after-silence an old number starts the line over once the client has been silent', () => {
  const scene = lived(200, { spec: { restart: { kind: 'after-silence', silence: seconds(60) } } });
  const { gateway, client, captured } = scene;
  client.restart();
  gateway.pass(seconds(59));
  assert.deepEqual(gateway.receive({ datagram: say(client, 'hello'), from: away }).drops, ['satpReplayed']);
  gateway.pass(seconds(1));
  const forged = say(client, 'forged');
  forged[12]! ^= 1;
  assert.deepEqual(gateway.receive({ datagram: forged, from: away }).drops, ['satpBadTag']);
  assert.equal(gateway.receive({ datagram: say(client, 'hello'), from: away }).delivered.length, 1);
  assert.deepEqual(gateway.endpoint, away);
  assert.equal(gateway.count('tunnelRestarts'), 1);
  assert.equal(
    deliveredOf(
      gateway,
      captured.map((datagram) => ({ datagram, from: away })),
    ),
    0,
  );
  assert.equal(gateway.receive({ datagram: say(client, 'work'), from: away }).delivered.length, 1);
});

test('with restart after-silence a fifth sender id takes the place of one that has been silent', () => {
  const { gateway, client } = lived(1, { spec: { restart: { kind: 'after-silence', silence: seconds(60) } } });
  for (const senderId of [1, 2, 3]) {
    client.senderId = senderId;
    gateway.receive({ datagram: say(client, 'hello'), from: home });
  }
  client.senderId = 4;
  assert.deepEqual(gateway.receive({ datagram: say(client, 'hello'), from: home }).drops, ['satpUnproven']);
  gateway.pass(seconds(60));
  assert.equal(gateway.receive({ datagram: say(client, 'hello'), from: home }).delivered.length, 1);
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
      const step = gateway.receive({ datagram: say(client, 'hello'), from });
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
