import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, seconds } from '../../src/base/time.ts';
import type { AssociationSpec } from '../../src/satp/association-spec.ts';
import { at, CLIENT, Client, GATEWAY, Gateway, ping, spec } from './lab.ts';

const home = at(1);
const away = at(2);
const elsewhere = at(3);

const heard = (options: ConstructorParameters<typeof Gateway>[0] = {}): { gateway: Gateway; client: Client } => {
  const gateway = new Gateway(options);
  const client = new Client();
  client.sequence = 100;
  gateway.receive({ datagram: client.datagram(), from: home });
  return { gateway, client };
};

test('the first authentic datagram sets the endpoint, and there is no limit on what is sent there', () => {
  const { gateway } = heard();
  assert.deepEqual(gateway.endpoint, home);
  assert.equal(gateway.isProven, true);
  for (let n = 0; n < 100; n++) assert.equal(gateway.send(ping(GATEWAY, CLIENT, 1400)).sent.length, 1);
  assert.equal(gateway.challenges('sent'), 0);
});

test('a newer datagram from elsewhere moves the endpoint at once, is delivered, and is challenged in a slot of its own', () => {
  const { gateway, client } = heard();
  const step = gateway.receive({ datagram: client.datagram(), from: away });
  assert.equal(step.delivered.length, 1);
  assert.deepEqual(step.drops, []);
  assert.deepEqual(gateway.endpoint, away);
  assert.equal(gateway.isProven, false);
  assert.equal(gateway.count('tunnelRoams'), 1);
  assert.equal(step.sent.length, 1);
  assert.deepEqual(step.sent[0]!.to, away);
  const echo = client.open(step.sent[0]!.datagram);
  assert.equal(echo.readUInt32BE(12), GATEWAY);
  assert.equal(echo.readUInt32BE(16), CLIENT);
  assert.ok(step.sent[0]!.datagram.length <= 3 * 104);
});

test('a late datagram, a copy or a stale one never moves the endpoint', () => {
  const { gateway, client } = heard();
  gateway.receive({ datagram: client.datagram(ping(), 110), from: home });
  for (const sequence of [109, 110, 100, 5]) {
    gateway.receive({ datagram: client.datagram(ping(), sequence), from: away });
    assert.deepEqual(gateway.endpoint, home, `${sequence}`);
  }
  assert.equal(gateway.count('tunnelRoams'), 0);
});

test('until it answers, a moved endpoint gets no more than three times the octets received from it', () => {
  const { gateway, client } = heard();
  let received = 104;
  let sent = 0;
  for (const { datagram } of gateway.receive({ datagram: client.datagram(), from: away }).sent) sent += datagram.length;
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 10; n++) {
      const step = gateway.send(ping(GATEWAY, CLIENT, 84));
      if (step.sent.length === 0) {
        assert.deepEqual(step.drops, ['satpEndpointUnproven']);
        break;
      }
      sent += step.sent[0]!.datagram.length;
    }
    assert.ok(sent <= 3 * received && sent > 3 * received - 104, `${sent} of ${received}`);
    received += 104;
    gateway.receive({ datagram: client.datagram(), from: away });
  }
});

test('credit does not move along with the endpoint', () => {
  const { gateway, client } = heard();
  for (let n = 0; n < 10; n++) gateway.receive({ datagram: client.datagram(ping(CLIENT, GATEWAY, 1400)), from: away });
  gateway.receive({ datagram: client.seal(Buffer.alloc(0), client.sequence++), from: elsewhere });
  assert.deepEqual(gateway.send(ping()).drops, ['satpEndpointUnproven']);
});

test('a challenge to somebody elsewhere is not at the expense of the unproven endpoint', () => {
  const { gateway, client } = heard();
  const old = client.datagram(ping(), 99);
  gateway.receive({ datagram: old, from: home });
  gateway.receive({ datagram: client.seal(Buffer.alloc(0), client.sequence++), from: away });
  const step = gateway.receive({ datagram: old, from: elsewhere });
  assert.deepEqual(step.sent[0]!.to, elsewhere);
  assert.deepEqual(step.drops, ['satpUnproven']);
});

test('a client that need not prove itself any more is proven', () => {
  const { gateway, client } = heard();
  gateway.receive({ datagram: client.datagram(), from: away });
  assert.equal(gateway.isProven, false);
  gateway.satp.amend(0, { ...gateway.spec, restart: { kind: 'strict' } });
  assert.equal(gateway.isProven, true);
});

test('the answer to the challenge proves the endpoint, is consumed, and lifts the limit', () => {
  const { gateway, client } = heard();
  const challenge = gateway.receive({ datagram: client.datagram(), from: away }).sent[0]!;
  const answer = client.answer(challenge.datagram)!;
  const step = gateway.receive({ datagram: answer, from: away });
  assert.deepEqual(step, { delivered: [], drops: [], sent: [] });
  assert.equal(gateway.isProven, true);
  assert.equal(gateway.challenges('answered'), 1);
  for (let n = 0; n < 100; n++) assert.equal(gateway.send(ping(GATEWAY, CLIENT, 1400)).sent.length, 1);
});

test('the request sent back, or a reply with another payload, is no answer', () => {
  const { gateway, client } = heard();
  const challenge = gateway.receive({ datagram: client.datagram(), from: away }).sent[0]!.datagram;
  const echo = client.open(challenge);
  const wrong = Buffer.from(echo);
  wrong[20] = 0;
  wrong[40]! ^= 1;
  for (const inner of [wrong, echo]) {
    assert.equal(gateway.receive({ datagram: client.datagram(inner), from: away }).delivered.length, 1);
    assert.equal(gateway.isProven, false);
  }
  gateway.receive({ datagram: client.answer(challenge)!, from: away });
  assert.equal(gateway.isProven, true);
});

test('an answer under another sender id proves nothing', () => {
  const { gateway, client } = heard();
  const challenge = gateway.receive({ datagram: client.datagram(), from: away }).sent[0]!.datagram;
  client.senderId = 3;
  gateway.receive({ datagram: client.answer(challenge)!, from: away });
  assert.equal(gateway.isProven, false);
});

test('an answer from another endpoint proves nothing, and ends the challenge', () => {
  const { gateway, client } = heard();
  const challenge = gateway.receive({ datagram: client.datagram(), from: away }).sent[0]!.datagram;
  gateway.receive({ datagram: client.answer(challenge)!, from: elsewhere });
  assert.equal(gateway.isProven, false);
  assert.equal(gateway.challenges('expired'), 1);
  gateway.receive({ datagram: client.answer(challenge)!, from: away });
  assert.equal(gateway.isProven, false);
  assert.equal(gateway.challenges('answered'), 0);
});

test('an answer after ten seconds is an echo reply like any other', () => {
  for (const [time, isProven] of [
    [10_000, true],
    [10_001, false],
  ] as const) {
    const { gateway, client } = heard();
    const challenge = gateway.receive({ datagram: client.datagram(), from: away }).sent[0]!.datagram;
    gateway.pass(milliseconds(time));
    const step = gateway.receive({ datagram: client.answer(challenge)!, from: away });
    assert.equal(gateway.isProven, isProven);
    assert.equal(step.delivered.length, isProven ? 0 : 1);
    assert.equal(gateway.challenges('expired'), isProven ? 0 : 1);
  }
});

test('an answer that comes out of order proves the endpoint and leaves the numbers alone', () => {
  const { gateway, client } = heard();
  const challenge = gateway.receive({ datagram: client.datagram(), from: away }).sent[0]!.datagram;
  const answer = client.answer(challenge)!;
  gateway.receive({ datagram: client.datagram(), from: away });
  gateway.receive({ datagram: answer, from: away });
  assert.equal(gateway.isProven, true);
  assert.equal(gateway.count('tunnelRestarts'), 0);
  assert.equal(gateway.satp.view(0)!.lines[0]!.highest, 103);
});

test('challenges go out at most once a second, as datagrams arrive, and the answer to any of them counts', () => {
  const { gateway, client } = heard();
  const challenges: Buffer[] = [];
  for (let tick = 0; tick < 35; tick++) {
    for (const { datagram } of gateway.receive({ datagram: client.datagram(), from: away }).sent)
      challenges.push(datagram);
    gateway.pass(milliseconds(100));
  }
  assert.equal(challenges.length, 4);
  assert.equal(gateway.challenges('sent'), 4);
  gateway.receive({ datagram: client.answer(challenges[0]!)!, from: away });
  assert.equal(gateway.isProven, true, 'a way of more than a second is no hindrance');
});

test('an endpoint that moves back to the last proven one is proven again at once', () => {
  const { gateway, client } = heard();
  gateway.receive({ datagram: client.datagram(), from: away });
  assert.equal(gateway.isProven, false);
  const step = gateway.receive({ datagram: client.datagram(), from: home });
  assert.equal(gateway.isProven, true);
  assert.deepEqual(step.sent, []);
  assert.equal(gateway.count('tunnelRoams'), 2);
});

test('the same address by another socket or local address is another endpoint', () => {
  const { gateway, client } = heard();
  const otherSocket = home.slice();
  otherSocket[0] = 1;
  gateway.receive({ datagram: client.datagram(), from: otherSocket });
  assert.deepEqual(gateway.endpoint, otherSocket);
  const otherLocal = otherSocket.slice();
  otherLocal[6]! += 1;
  gateway.receive({ datagram: client.datagram(), from: otherLocal });
  assert.deepEqual(gateway.endpoint, otherLocal);
});

test('a new sender id goes on at once, from anywhere and with any number', () => {
  const { gateway, client } = heard();
  client.senderId = 4;
  client.restart();
  assert.equal(gateway.receive({ datagram: client.datagram(), from: home }).delivered.length, 1);
  client.senderId = 5;
  client.restart();
  assert.equal(gateway.receive({ datagram: client.datagram(), from: away }).delivered.length, 1);
  assert.deepEqual(gateway.endpoint, away);
});

for (const restart of [
  { kind: 'strict' },
  { kind: 'after-silence', silence: seconds(60) },
] satisfies AssociationSpec['restart'][]) {
  test(`with restart ${restart.kind} a newer datagram moves the endpoint without a limit or a challenge`, () => {
    const { gateway, client } = heard({ spec: { restart } });
    const step = gateway.receive({ datagram: client.datagram(), from: away });
    assert.deepEqual(step.sent, []);
    assert.deepEqual(gateway.endpoint, away);
    assert.equal(gateway.isProven, true);
    for (let n = 0; n < 100; n++) assert.equal(gateway.send(ping(GATEWAY, CLIENT, 1400)).sent.length, 1);
  });
}

test('an Ethernet client, whom no echo can be addressed to, moves as a strict one does', () => {
  const gateway = new Gateway({ spec: { device: 'tap' } });
  const client = new Client();
  for (const from of [home, away]) {
    const step = gateway.receive({ datagram: client.datagram(Buffer.alloc(60), undefined, 0x6558), from });
    assert.deepEqual(step.sent, []);
  }
  assert.equal(gateway.isProven, true);
});

test('if the batch is full, the challenge takes the place of the datagram that moved, which is counted', () => {
  const { gateway, client } = heard({ batch: 1 });
  const step = gateway.receive({ datagram: client.datagram(), from: away });
  assert.deepEqual(step.drops, ['satpUnproven']);
  assert.equal(step.delivered.length, 0);
  assert.equal(step.sent.length, 1);
  gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: away });
  assert.equal(gateway.isProven, true);
});

test('an IPv6-only client is challenged at its configured inner address; without one it stays unproven', () => {
  const six = Buffer.alloc(80, 0x60);
  for (const [innerAddress, challenges] of [
    [CLIENT, 1],
    [0, 0],
  ] as const) {
    const { gateway, client } = heard({ spec: { innerAddress } });
    const step = gateway.receive({ datagram: client.datagram(six, undefined, 0x86dd), from: away });
    assert.equal(step.delivered.length, 1);
    assert.equal(step.sent.length, challenges);
    if (challenges === 1) assert.equal(client.open(step.sent[0]!.datagram).readUInt32BE(16), CLIENT);
  }
});

test('a challenge is addressed to the inner source of what provoked it, unless that is no host’s address', () => {
  for (const [source, target] of [
    [0x0a630005, 0x0a630005],
    [0xc0a80001, 0xc0a80001],
    [0, CLIENT],
    [0x7f000001, CLIENT],
    [0xe0000001, CLIENT],
    [0xffffffff, CLIENT],
  ] as const) {
    const { gateway, client } = heard();
    const step = gateway.receive({ datagram: client.datagram(ping(source as typeof CLIENT)), from: away });
    assert.equal(client.open(step.sent[0]!.datagram).readUInt32BE(16), target);
  }
});

test('without a replay window old datagrams are delivered, but only newer ones or a proof move the endpoint', () => {
  const { gateway, client } = heard({ replayWindow: 0 });
  const old = client.datagram(ping(), 50);
  assert.equal(gateway.receive({ datagram: old, from: home }).delivered.length, 1);
  assert.equal(gateway.challenges('sent'), 0, 'home is beyond doubt');
  client.restart();
  const step = gateway.receive({ datagram: client.datagram(), from: away });
  assert.equal(step.delivered.length, 1);
  assert.deepEqual(gateway.endpoint, home);
  assert.deepEqual(step.sent[0]!.to, away);
  gateway.receive({ datagram: client.answer(step.sent[0]!.datagram)!, from: away });
  assert.deepEqual(gateway.endpoint, away);
  assert.equal(gateway.count('tunnelRestarts'), 1);
  gateway.receive({ datagram: client.datagram(ping(), 5), from: elsewhere });
  assert.deepEqual(gateway.endpoint, elsewhere, 'the new numbers are the ones that count');
});

test('by the operator’s word everything received is forgotten, and what is sent goes on', () => {
  const { gateway, client } = heard({ spec: { ...spec, restart: { kind: 'strict' } } });
  gateway.send(ping());
  client.restart();
  assert.deepEqual(gateway.receive({ datagram: client.datagram(), from: away }).drops, ['satpReplayed']);
  gateway.satp.reset(0);
  assert.equal(gateway.receive({ datagram: client.datagram(), from: away }).delivered.length, 1);
  assert.deepEqual(gateway.endpoint, away);
  assert.equal(gateway.satp.view(0)!.sequence, 1);
});
