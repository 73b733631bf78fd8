import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '../../src/base/assert.ts';
import { PacketBatch } from '../../src/base/batch.ts';
import { type Counters, createCounters, dropCells } from '../../src/base/counters.ts';
import { Direction } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { instant } from '../../src/base/time.ts';
import { Roster } from '../../src/dataplane/roster.ts';
import type { ClientSpec } from '../../src/dataplane/settings.ts';
import { SourceTable } from '../../src/dataplane/source-table.ts';
import { Nat44 } from '../../src/nat/nat44.ts';
import { type AssociationKeys, Role, type SatpCrypto } from '../../src/satp/crypto.ts';
import { createLineStore, type LineStore } from '../../src/satp/line-store.ts';
import { Satp } from '../../src/satp/satp.ts';
import { formatIp4, parseIp4, parsePrefix4 } from '../../src/wire/addr.ts';
import { ip, policyWith, udp } from '../nat/rig.ts';

const NOW = instant(1000);
const CAPACITY = 16;

const keysOf = (octet: number): AssociationKeys => ({
  cipher: 128,
  kdf: 128,
  auth: 'sha1',
  tagLength: 10,
  role: Role.left,
  masterKey: new Uint8Array(16).fill(octet),
  masterSalt: new Uint8Array(14).fill(octet),
});

const client = (name: string, mux: number, prefix: string, key = mux + 1): ClientSpec => ({
  association: {
    name,
    mux,
    device: 'tun',
    keys: keysOf(key),
    identity: key,
    restart: { kind: 'challenge' },
    innerAddress: 0,
  },
  prefixes: [parsePrefix4(prefix)!],
});

/** Remembers which rows have keys; the cryptography itself is not looked at here. */
class KeyRing implements SatpCrypto {
  readonly rows = new Map<number, AssociationKeys>();
  install(row: number, keys: AssociationKeys): void {
    assert.ok(!this.rows.has(row));
    this.rows.set(row, keys);
  }
  remove(row: number): void {
    this.rows.delete(row);
  }
  open(): number {
    throw new Error('not used');
  }
  seal(): number {
    throw new Error('not used');
  }
}

interface Rig {
  roster: Roster;
  satp: Satp;
  sources: SourceTable;
  nat: Nat44;
  ring: KeyRing;
  store: LineStore;
  counters: Counters;
}

const rig = (): Rig => {
  const counters = createCounters();
  const ring = new KeyRing();
  const random = new SeededRandom(1);
  const store = createLineStore(CAPACITY, 16, random);
  const satp = new Satp({
    capacity: CAPACITY,
    replayWindow: 64,
    gatewayAddress: ip('10.99.0.1'),
    crypto: ring,
    random,
    counters,
    lines: store,
  });
  const sources = new SourceTable(CAPACITY);
  const nat = new Nat44(policyWith({ capacity: { clients: CAPACITY } }), random, counters);
  return { roster: new Roster(satp, sources, nat), satp, sources, nat, ring, store, counters };
};

test('clients come, stay in their rows, and go with their keys', () => {
  const { roster, satp, sources, ring } = rig();
  roster.apply([client('alice', 7, '10.99.0.2/32'), client('bob', 9, '10.99.0.3/32')], 100, NOW);
  const bob = satp.rowOf(9);
  assert.ok(sources.mayUse(bob, parseIp4('10.99.0.3')!));
  roster.apply([client('bob', 9, '10.99.0.3/32'), client('carol', 11, '10.99.0.4/32')], 101, NOW);
  assert.equal(satp.rowOf(7), -1, 'alice is gone');
  assert.equal(satp.rowOf(9), bob, 'bob keeps the row');
  assert.equal(satp.view(bob)!.senderId, 100, 'and the sender id');
  assert.equal(satp.view(satp.rowOf(11))!.senderId, 101, 'a new association starts under the new one');
  assert.equal(ring.rows.size, 2);
  assert.deepEqual([bob, satp.rowOf(11)], [9, 11], 'a row is a mux');
});

test('changed keys start a new number line under the new sender id; an unchanged client goes on', () => {
  const { roster, satp } = rig();
  roster.apply([client('alice', 7, '10.99.0.2/32'), client('bob', 9, '10.99.0.3/32')], 100, NOW);
  roster.apply([client('alice', 7, '10.99.0.2/32', 200), client('bob', 9, '10.99.0.3/32')], 101, NOW);
  assert.equal(satp.view(satp.rowOf(7))!.senderId, 101);
  assert.equal(satp.view(satp.rowOf(9))!.senderId, 100);
});

test('a mux that another client takes over is another client: nothing of the former one remains', () => {
  const { roster, satp, sources } = rig();
  roster.apply([client('alice', 7, '10.99.0.2/32')], 100, NOW);
  roster.apply([client('eve', 7, '10.99.0.66/32', 99)], 101, NOW);
  const row = satp.rowOf(7);
  assert.equal(satp.view(row)!.name, 'eve');
  assert.equal(satp.view(row)!.senderId, 101);
  assert.ok(!sources.mayUse(row, parseIp4('10.99.0.2')!));
});

test('a client that is renamed goes on: no number of it is used again', () => {
  const { roster, satp } = rig();
  roster.apply([client('alice', 7, '10.99.0.2/32')], 100, NOW);
  satp.setSenderId(7, 100, 5000);
  roster.apply([client('alison', 7, '10.99.0.2/32')], 100, NOW);
  const { name, senderId, sequence } = satp.view(7)!;
  assert.deepEqual([name, senderId, sequence], ['alison', 100, 5000]);
});

test('no association begins under a sender id that was used before', () => {
  const alice = client('alice', 7, '10.99.0.2/32');
  for (const next of [[client('alice', 8, '10.99.0.2/32')], [client('alice', 7, '10.99.0.2/32', 99)]]) {
    const { roster } = rig();
    roster.apply([alice], 100, NOW);
    assert.throws(() => roster.apply(next, 100, NOW), InvariantError);
  }
});

test('of a client that loses an address, what it had at the others goes on', () => {
  const { roster, nat, counters } = rig();
  const both = client('alice', 7, '10.99.0.2/32');
  const out = (text: string): void => {
    const b = new PacketBatch(1, dropCells(counters, Direction.outbound));
    const packet = udp(text, '192.0.2.1:53');
    b.arena.bytes.set(packet, b.slot(0));
    b.client[b.accept(packet.length)] = 7;
    nat.translateOutbound(b, NOW);
  };
  roster.apply([{ ...both, prefixes: [parsePrefix4('10.99.0.2/31')!] }], 100, NOW);
  out('10.99.0.2:5000');
  out('10.99.0.3:5000');
  roster.apply([both], 100, NOW);
  assert.deepEqual(
    nat.mappings(9).rows.map(({ internal }) => formatIp4(internal.address)),
    ['10.99.0.2'],
  );
});

test('a client that goes and comes back with the same keys is resumed, with others it begins anew', () => {
  const { roster, store } = rig();
  roster.apply([client('alice', 7, '10.99.0.2/32')], 100, NOW);
  // As if the shard had accepted number 500 of sender id 3.
  store.senderIds[7] = 3 + 1;
  store.highest[7] = 500;
  roster.apply([], 101, NOW);
  roster.apply([client('alice', 7, '10.99.0.2/32')], 102, NOW);
  assert.deepEqual([store.senderIds[7], store.highest[7]], [4, 500], 'remembered');
  roster.apply([client('alice', 7, '10.99.0.2/32', 99)], 103, NOW);
  assert.equal(store.senderIds[7], 0, 'numbers of other keys mean nothing');
});
