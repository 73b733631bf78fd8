import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../src/base/arena.ts';
import { OpensslCrypto } from '../../src/io/openssl-crypto.ts';
import type { SatpCrypto } from '../../src/satp/crypto.ts';
import { PacketCrypto } from '../../src/satp/packet-crypto.ts';
import * as naive from './naive.ts';
import { receiverRole, senderRole, type Vector, vectors } from './vectors.ts';

const AT = 128;

const plaintext = (v: Vector): Buffer => {
  const type = Buffer.alloc(2);
  type.writeUInt16BE(v.payloadType);
  return Buffer.concat([type, v.inner]);
};

test('there are 78 captured datagrams, and they cover every algorithm, both roles and both devices', () => {
  assert.equal(vectors.length, 78);
  const covered = new Set<string>();
  for (const v of vectors) {
    const k = v.keysOf(senderRole(v));
    for (const x of [
      `cipher ${k.cipher}`,
      `kdf ${k.kdf}`,
      `auth ${k.auth}`,
      `tag ${k.tagLength}`,
      v.sender,
      v.device,
    ]) {
      covered.add(x);
    }
  }
  for (const x of [
    'left',
    'right',
    'tun',
    'tap',
    'auth sha1',
    'auth null',
    'tag 0',
    'tag 1',
    'tag 4',
    'tag 10',
    'tag 20',
  ]) {
    assert.ok(covered.has(x), x);
  }
  for (const x of ['cipher', 'kdf'])
    for (const n of [0, 128, 192, 256]) assert.ok(covered.has(`${x} ${n}`), `${x} ${n}`);
});

test('the naive twin opens every captured datagram and seals it to the same octets', () => {
  for (const v of vectors) {
    const sending = { keys: v.keysOf(senderRole(v)), sender: v.sender };
    assert.deepEqual(naive.open(sending, v.datagram), plaintext(v), v.id);
    const header = naive.header(v.sequence, v.senderId, v.mux);
    assert.deepEqual(naive.seal(sending, header, plaintext(v)), v.datagram, v.id);
  }
});

const roundTrip = (crypto: SatpCrypto, v: Vector): void => {
  const arena = new Arena(4096);
  arena.bytes.fill(0xa5);
  arena.bytes.set(v.datagram, AT);
  crypto.install(0, v.keysOf(receiverRole(v)));
  const tag = v.datagram.subarray(v.datagram.length - v.keysOf(senderRole(v)).tagLength);
  const end = crypto.open(arena, 0, AT, AT + v.datagram.length);
  assert.equal(end, AT + v.datagram.length - tag.length, v.id);
  assert.deepEqual(Buffer.from(arena.bytes.subarray(AT + 8, end)), plaintext(v), v.id);
  assert.deepEqual(Buffer.from(arena.bytes.subarray(end, end + tag.length)), tag, `${v.id}: the tag stays readable`);
  crypto.remove(0);

  arena.bytes.fill(0x5a, end);
  crypto.install(0, v.keysOf(senderRole(v)));
  assert.equal(crypto.seal(arena, 0, AT, end), AT + v.datagram.length, v.id);
  assert.deepEqual(Buffer.from(arena.bytes.subarray(AT, AT + v.datagram.length)), v.datagram, v.id);
  crypto.remove(0);
};

test('OpenSSL opens every captured datagram and seals it to the same octets', () => {
  const crypto = new PacketCrypto(new OpensslCrypto(), 1);
  for (const v of vectors) roundTrip(crypto, v);
});
