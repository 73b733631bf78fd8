import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cell } from '../../src/base/counters.ts';
import { Direction } from '../../src/base/protocol.ts';
import { at, Client, Gateway, ping } from './lab.ts';
import * as naive from './naive.ts';
import { senderRole, vectors } from './vectors.ts';

const home = at(1);

/** A gateway that has heard of its client at `home`. */
const heard = (options: ConstructorParameters<typeof Gateway>[0] = {}): { gateway: Gateway; client: Client } => {
  const gateway = new Gateway(options);
  const client = new Client(gateway.spec.mux, gateway.spec.keys);
  const isTap = gateway.spec.device === 'tap';
  gateway.receive({ datagram: client.datagram(ping(), client.sequence++, isTap ? 0x6558 : 0x0800), from: home });
  return { gateway, client };
};

test('a packet for a client becomes a datagram under our sender id, numbered from 0, to the client’s endpoint', () => {
  const { gateway, client } = heard();
  for (let n = 0; n < 3; n++) {
    const { sent, drops } = gateway.send(ping());
    assert.deepEqual(drops, []);
    assert.deepEqual(sent[0]!.to, home);
    assert.deepEqual(sent[0]!.datagram.subarray(0, 8), naive.header(n, 900, 7));
    assert.deepEqual(client.open(sent[0]!.datagram), ping());
  }
  assert.equal(gateway.counters[Cell.tunnelPackets + Direction.inbound], 3);
  assert.equal(gateway.counters[Cell.tunnelBytes + Direction.inbound], 3 * (84 + 20));
});

test('what the daemons sent is sealed to the same octets, if it is sealed under the same numbers', () => {
  for (const v of vectors) {
    const { gateway } = heard({ spec: { mux: v.mux, device: v.device, keys: v.keysOf(senderRole(v)) } });
    gateway.satp.setSenderId(0, v.senderId, v.sequence);
    const step = gateway.send(v.inner);
    assert.deepEqual(step.sent[0]?.datagram, v.datagram, v.id);
  }
});

test('nothing is sent to a client that was never heard of', () => {
  assert.deepEqual(new Gateway().send(ping()), { delivered: [], drops: ['satpNoEndpoint'], sent: [] });
});

test('the payload type follows the version, and on a tap it is always an Ethernet frame', () => {
  const { gateway, client } = heard();
  const typeOf = (datagram: Buffer): number =>
    naive.open({ keys: client.keys, sender: 'left' }, datagram)!.readUInt16BE(0);
  assert.equal(typeOf(gateway.send(ping()).sent[0]!.datagram), 0x0800);
  assert.equal(typeOf(gateway.send(Buffer.alloc(40, 0x60)).sent[0]!.datagram), 0x86dd);
  assert.deepEqual(gateway.send(Buffer.alloc(40)).drops, ['satpPayloadType']);
  const tap = heard({ spec: { device: 'tap' } });
  assert.equal(typeOf(tap.gateway.send(Buffer.alloc(40)).sent[0]!.datagram), 0x6558);
});

test('a datagram has at most 1600 octets, tag included', () => {
  const { gateway } = heard();
  assert.equal(gateway.send(ping(undefined, undefined, 1580)).sent[0]!.datagram.length, 1600);
  const { sent, drops } = gateway.send(ping(undefined, undefined, 1581));
  assert.deepEqual({ sent, drops }, { sent: [], drops: ['satpTooLong'] });
  assert.equal(gateway.satp.view(0)!.sequence, 1, 'a packet that is not sent takes no number');
});

test('no number is used twice: they end at 2^32, and go on from 0 under a fresh sender id only', () => {
  const { gateway } = heard();
  gateway.satp.setSenderId(0, 900, 2 ** 32 - 2);
  const numbers = [0, 1].map(() => gateway.send(ping()).sent[0]!.datagram.readUInt32BE(0));
  assert.deepEqual(numbers, [2 ** 32 - 2, 2 ** 32 - 1]);
  for (let n = 0; n < 3; n++) assert.deepEqual(gateway.send(ping()).drops, ['satpSequenceExhausted']);
  gateway.satp.setSenderId(0, 901);
  assert.deepEqual(gateway.send(ping()).sent[0]!.datagram.subarray(0, 8), naive.header(0, 901, 7));
});

test('a fresh sender id is asked for when three quarters of the numbers are used', () => {
  const { gateway } = heard();
  gateway.satp.setSenderId(0, 900, 3 * 2 ** 30 - 1);
  assert.equal(gateway.satp.needsSenderId(0), false);
  gateway.send(ping());
  assert.equal(gateway.satp.needsSenderId(0), true);
  gateway.satp.setSenderId(0, 901);
  assert.equal(gateway.satp.needsSenderId(0), false);
  assert.equal(gateway.satp.needsSenderId(3), false, 'a free row needs none');
});

test('an association that is replaced numbers its datagrams anew under another sender id', () => {
  const { gateway, client } = heard();
  gateway.send(ping());
  const keys = { ...gateway.spec.keys, masterKey: new Uint8Array(16).fill(0x77) };
  gateway.satp.replace(0, { ...gateway.spec, keys, identity: 2 }, 902);
  assert.deepEqual(gateway.send(ping()).drops, ['satpNoEndpoint']);
  assert.deepEqual(gateway.receive({ datagram: client.datagram(), from: home }).drops, ['satpBadTag']);
  gateway.receive({ datagram: new Client(7, keys).datagram(), from: home });
  assert.deepEqual(gateway.send(ping()).sent[0]!.datagram.subarray(0, 8), naive.header(0, 902, 7));
});

test('an amended association keeps endpoint, window and numbering', () => {
  const { gateway, client } = heard();
  gateway.send(ping());
  gateway.satp.amend(0, { ...gateway.spec, name: 'carol', restart: { kind: 'strict' } });
  assert.equal(gateway.satp.view(0)!.name, 'carol');
  assert.deepEqual(gateway.receive({ datagram: client.datagram(ping(), 0), from: at(2) }).drops, ['satpReplayed']);
  assert.deepEqual(gateway.send(ping()).sent[0]!.datagram.subarray(0, 8), naive.header(1, 900, 7));
});
