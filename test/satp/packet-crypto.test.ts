import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../src/base/arena.ts';
import { OpensslCrypto } from '../../src/io/openssl-crypto.ts';
import {
  type AesBits,
  type AssociationKeys,
  BAD_TAG,
  Role,
  SCRATCH_BEFORE,
  SCRATCH_BEHIND,
} from '../../src/satp/crypto.ts';
import { otherRole } from '../../src/satp/key-derivation.ts';
import { PacketCrypto } from '../../src/satp/packet-crypto.ts';
import * as naive from './naive.ts';

const AT = 128;
const ours = new PacketCrypto(new OpensslCrypto(), 4);
const twin = new naive.NaiveCrypto();

const octets = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n });
const aesBits = fc.constantFrom<AesBits>(0, 128, 192, 256);
const anyKeys: fc.Arbitrary<AssociationKeys> = aesBits.chain((kdf) =>
  fc.record({
    cipher: aesBits,
    kdf: fc.constant(kdf),
    auth: fc.constantFrom<AssociationKeys['auth']>('sha1', 'sha1', 'sha1', 'null'),
    tagLength: fc.nat(20),
    role: fc.constantFrom<Role>(Role.left, Role.right),
    masterKey: octets(kdf / 8),
    masterSalt: octets(14),
  }),
);
const tagLengthOf = (keys: AssociationKeys): number => (keys.auth === 'null' ? 0 : keys.tagLength);

/** Octets of an arena that neither opening nor sealing `[at, end)` may touch, whose enciphered part ends at `tagAt`. */
const around = (arena: Arena, tagAt: number): Buffer =>
  Buffer.concat([arena.bytes.subarray(0, AT - SCRATCH_BEFORE), arena.bytes.subarray(tagAt + SCRATCH_BEHIND)]);

test('OpenSSL and the naive twin agree on any keys, header and payload, and touch nothing around the packet', () => {
  fc.assert(
    fc.property(anyKeys, octets(8), fc.uint8Array({ maxLength: 1600 }), (keys, header, payload) => {
      const a = new Arena(4096);
      const b = new Arena(4096);
      for (const { bytes } of [a, b]) {
        bytes.fill(0xc3);
        bytes.set(header, AT);
        bytes.set(payload, AT + 8);
      }
      const untouched = around(a, AT + 8 + payload.length);
      const end = AT + 8 + payload.length;
      const peer = { ...keys, role: otherRole(keys.role) };
      ours.install(0, keys);
      ours.install(1, peer);
      twin.install(0, keys);
      try {
        const sealedEnd = ours.seal(a, 0, AT, end);
        assert.equal(sealedEnd, twin.seal(b, 0, AT, end));
        const sealed = Buffer.from(a.bytes.subarray(AT, sealedEnd));
        assert.deepEqual(sealed, Buffer.from(b.bytes.subarray(AT, sealedEnd)));
        assert.deepEqual(around(a, end), untouched);
        assert.equal(ours.open(a, 1, AT, sealedEnd), end);
        assert.deepEqual(Buffer.from(a.bytes.subarray(AT + 8, end)), Buffer.from(payload));
        assert.deepEqual(
          Buffer.from(a.bytes.subarray(end, sealedEnd)),
          sealed.subarray(sealed.length - tagLengthOf(keys)),
        );
        assert.deepEqual(around(a, end), untouched);
      } finally {
        ours.remove(0);
        ours.remove(1);
        twin.remove(0);
      }
    }),
    { numRuns: 300 },
  );
});

test('any flipped bit of header, payload or tag is a bad tag, and leaves the datagram as it was', () => {
  fc.assert(
    fc.property(anyKeys, fc.uint8Array({ minLength: 10, maxLength: 200 }), fc.nat(), (anyOf, text, where) => {
      const keys: AssociationKeys = { ...anyOf, auth: 'sha1', tagLength: Math.max(8, anyOf.tagLength) };
      const arena = new Arena(1024);
      arena.bytes.set(text, AT);
      ours.install(0, keys);
      ours.install(1, { ...keys, role: otherRole(keys.role) });
      try {
        const end = ours.seal(arena, 0, AT, AT + text.length);
        arena.bytes[AT + (where % (end - AT))]! ^= 1 << (where % 8);
        const damaged = Buffer.from(arena.bytes.subarray(AT, end));
        assert.equal(ours.open(arena, 1, AT, end), BAD_TAG);
        assert.deepEqual(Buffer.from(arena.bytes.subarray(AT, end)), damaged);
        assert.equal(ours.open(arena, 0, AT, end), BAD_TAG);
      } finally {
        ours.remove(0);
        ours.remove(1);
      }
    }),
    { numRuns: 300 },
  );
});

const plain: AssociationKeys = {
  cipher: 128,
  kdf: 128,
  auth: 'sha1',
  tagLength: 10,
  role: Role.left,
  masterKey: new Uint8Array(16).fill(1),
  masterSalt: new Uint8Array(14).fill(2),
};

test('two ends of the same role do not understand each other', () => {
  const arena = new Arena(1024);
  ours.install(0, plain);
  const end = ours.seal(arena, 0, AT, AT + 50);
  assert.equal(ours.open(arena, 0, AT, end), BAD_TAG);
  ours.remove(0);
});

test('rows keep their keys apart, and a removed row takes new keys', () => {
  const arena = new Arena(1024);
  ours.install(2, plain);
  ours.install(3, { ...plain, role: Role.right, masterKey: new Uint8Array(16).fill(9) });
  const end = ours.seal(arena, 2, AT, AT + 50);
  assert.equal(ours.open(arena, 3, AT, end), BAD_TAG);
  ours.remove(3);
  ours.install(3, { ...plain, role: Role.right });
  assert.equal(ours.open(arena, 3, AT, end), AT + 50);
  ours.remove(2);
  ours.remove(3);
});

test('keys cannot be installed over others, nor with a master key of another length', () => {
  ours.install(0, plain);
  assert.throws(() => ours.install(0, plain), /free row/);
  ours.remove(0);
  assert.throws(() => ours.install(0, { ...plain, masterKey: new Uint8Array(24) }), /master key/);
});
