import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cell } from '../../src/base/counters.ts';
import { Direction } from '../../src/base/protocol.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { at, Client, Gateway, ping, spec } from './lab.ts';
import { NaiveCrypto } from './naive.ts';
import { receiverRole, vectors } from './vectors.ts';

const home = at(1);

test('an authentic datagram becomes the inner packet of its client', () => {
  const gateway = new Gateway();
  const client = new Client();
  const inner = ping();
  const datagram = client.datagram(inner);
  const step = gateway.receive({ datagram, from: home });
  assert.deepEqual(step, { delivered: [inner], drops: [], sent: [] });
  assert.equal(gateway.counters[Cell.tunnelPackets + Direction.outbound], 1);
  assert.equal(gateway.counters[Cell.tunnelBytes + Direction.outbound], datagram.length);
});

test('every captured datagram of the daemons is opened to its inner packet', () => {
  for (const v of vectors) {
    const gateway = new Gateway({ spec: { mux: v.mux, device: v.device, keys: v.keysOf(receiverRole(v)) } });
    const step = gateway.receive({ datagram: v.datagram, from: home });
    assert.deepEqual(step.delivered, [v.inner], v.id);
  }
});

test('a datagram shorter than header and tag, or longer than any daemon sends, is refused unread', () => {
  const crypto = new NaiveCrypto();
  const gateway = new Gateway({ crypto });
  for (const length of [0, 7, 8, 17, 1621, 2048]) {
    const datagram = new Client().datagram(Buffer.alloc(2048)).subarray(0, length);
    assert.deepEqual(gateway.receive({ datagram, from: home }).drops, ['satpTruncated'], `${length}`);
  }
  assert.equal(crypto.opened, 0);
});

test('a stranger’s mux costs no cryptography, leaves no state and gets no answer', () => {
  const crypto = new NaiveCrypto();
  const gateway = new Gateway({ crypto });
  const step = gateway.receive({ datagram: new Client(8).datagram(), from: home });
  assert.deepEqual(step, { delivered: [], drops: ['satpUnknownMux'], sent: [] });
  assert.equal(crypto.opened, 0);
  assert.equal(gateway.endpoint, undefined);
});

test('a forged datagram is counted and changes nothing, however new its number', () => {
  const gateway = new Gateway();
  const client = new Client();
  gateway.receive({ datagram: client.datagram(), from: home });
  const forged = client.datagram(ping(), 4_000_000_000);
  forged[20]! ^= 1;
  assert.deepEqual(gateway.receive({ datagram: forged, from: at(2) }).drops, ['satpBadTag']);
  assert.deepEqual(gateway.endpoint, home);
  assert.equal(gateway.satp.view(0)!.lines[0]!.highest, 0);
  assert.equal(gateway.receive({ datagram: client.datagram(), from: home }).delivered.length, 1);
});

test('a datagram is delivered once, also out of order, and its second copy costs no cryptography', () => {
  const crypto = new NaiveCrypto();
  const gateway = new Gateway({ crypto, spec: { restart: { kind: 'strict' } } });
  const client = new Client();
  const datagrams = [0, 1, 2, 3].map(() => client.datagram());
  for (const k of [1, 0, 3, 2]) {
    assert.equal(gateway.receive({ datagram: datagrams[k]!, from: home }).delivered.length, 1);
  }
  assert.equal(crypto.opened, 4);
  for (const k of [0, 1, 2, 3]) {
    assert.deepEqual(gateway.receive({ datagram: datagrams[k]!, from: home }).drops, ['satpReplayed']);
  }
  assert.equal(crypto.opened, 4);
});

test('the same datagram twice in one batch is delivered once', () => {
  const gateway = new Gateway({ spec: { restart: { kind: 'strict' } } });
  const arrival = { datagram: new Client().datagram(), from: home };
  const step = gateway.receive(arrival, arrival, arrival);
  assert.equal(step.delivered.length, 1);
  assert.deepEqual(step.drops, ['satpReplayed', 'satpReplayed']);
});

test('without a replay window every authentic copy is delivered', () => {
  const gateway = new Gateway({ replayWindow: 0 });
  const arrival = { datagram: new Client().datagram(), from: home };
  assert.equal(gateway.receive(arrival, arrival).delivered.length, 2);
});

test('a tun carries IPv4 and IPv6 whose version agrees with the payload type, and nothing else', () => {
  const gateway = new Gateway();
  const client = new Client();
  const six = Buffer.alloc(60, 0x60);
  assert.deepEqual(gateway.receive({ datagram: client.datagram(six, undefined, 0x86dd), from: home }).delivered, [six]);
  for (const [inner, type] of [
    [ping(), 0x86dd],
    [six, 0x0800],
    [ping(), 0x6558],
    [ping(), 0],
    [Buffer.alloc(30), 0x0800],
  ] as const) {
    const step = gateway.receive({ datagram: client.datagram(inner, undefined, type), from: home });
    assert.deepEqual(step.drops, ['satpPayloadType'], `${type}`);
    assert.equal(step.delivered.length, 0);
  }
});

test('a tap carries Ethernet frames, whatever is in them', () => {
  const gateway = new Gateway({ spec: { device: 'tap' } });
  const client = new Client();
  const frame = Buffer.alloc(60, 0xff);
  assert.deepEqual(gateway.receive({ datagram: client.datagram(frame, undefined, 0x6558), from: home }).delivered, [
    frame,
  ]);
  assert.deepEqual(gateway.receive({ datagram: client.datagram(ping()), from: home }).drops, ['satpPayloadType']);
});

test('a keep-alive without a payload is authentic, moves the endpoint, and is then dropped', () => {
  const gateway = new Gateway();
  const client = new Client();
  for (const [n, plaintext] of [Buffer.alloc(0), Buffer.alloc(1), Buffer.from([8, 0])].entries()) {
    const step = gateway.receive({ datagram: client.seal(plaintext, client.sequence++), from: at(n) });
    assert.deepEqual(step.drops, ['satpNoPayload']);
    assert.deepEqual(gateway.endpoint, at(n));
  }
});

test('a client is unheard until it sends, connected then, and unheard again after a while', () => {
  const gateway = new Gateway();
  const client = new Client();
  const count = (): unknown => gateway.satp.count(minutes(3), gateway.clock.now());
  assert.deepEqual(count(), { connected: 0, unproven: 0, unheard: 1 });
  gateway.receive({ datagram: client.datagram(), from: home });
  assert.deepEqual(count(), { connected: 1, unproven: 0, unheard: 0 });
  gateway.receive({ datagram: client.datagram(), from: at(2) });
  assert.deepEqual(count(), { connected: 0, unproven: 1, unheard: 0 });
  gateway.pass(seconds(181));
  assert.deepEqual(count(), { connected: 0, unproven: 0, unheard: 1 });
});

test('rows come and go: a removed client is a stranger, its row and mux are free, and its keys are gone', () => {
  const crypto = new NaiveCrypto();
  const gateway = new Gateway({ crypto });
  const client = new Client();
  const old = client.datagram();
  gateway.receive({ datagram: old, from: home });
  gateway.satp.remove(0);
  assert.equal(crypto.installed.size, 0);
  assert.equal(gateway.satp.view(0), undefined);
  assert.deepEqual(gateway.receive({ datagram: client.datagram(), from: home }).drops, ['satpUnknownMux']);
  assert.deepEqual(gateway.send(ping()).drops, ['satpNoEndpoint']);
  gateway.satp.add(0, { ...spec, name: 'bob', identity: 2 }, 901);
  assert.equal(gateway.endpoint, undefined);
  assert.equal(
    gateway.receive({ datagram: old, from: home }).delivered.length,
    1,
    'nothing is known of earlier numbers',
  );
  assert.equal(gateway.satp.view(0)!.name, 'bob');
});

test('what an association is shown as says where its client is and how far both sides have counted', () => {
  const gateway = new Gateway();
  const client = new Client();
  client.senderId = 5;
  gateway.receive({ datagram: client.datagram(ping(), 77), from: home });
  gateway.send(ping());
  assert.deepEqual(gateway.satp.view(0), {
    row: 0,
    name: 'alice',
    mux: 7,
    endpoint: home,
    proven: true,
    heardAt: gateway.clock.now(),
    senderId: 900,
    sequence: 1,
    lines: [{ senderId: 5, highest: 77, contested: false }],
  });
});
