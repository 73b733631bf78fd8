import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { test } from 'node:test';
import { Role } from '../../src/satp/crypto.ts';
import { emitCounterBlock, Label, otherRole, SALT_WORDS, saltToIv, storeSalt } from '../../src/satp/key-derivation.ts';
import { fromPassphrase } from './naive.ts';

const hex = (view: DataView, at: number, length: number): string =>
  Buffer.from(view.buffer as ArrayBuffer, at, length).toString('hex');

test('labels are the first four octets of SHA-1 of a digit, odd for left and even for right', () => {
  const labels = [Label.encryptionKey, Label.encryptionSalt, Label.authKey];
  labels.forEach((label, i) => {
    for (const role of [Role.left, Role.right]) {
      const digit = `${2 * i + 1 + role}`;
      assert.equal(label[role], createHash('sha1').update(digit).digest().readUInt32BE(0), digit);
    }
  });
});

test('roles are opposite', () => {
  assert.equal(otherRole(Role.left), Role.right);
  assert.equal(otherRole(Role.right), Role.left);
});

// Blocks, keys and initialisation vectors of two captured datagrams, each step written out (vectors any-093 and uany-095).
const worked = [
  {
    role: Role.left,
    senderId: 1,
    blocks: [
      '784b2508f83c3498a7ade077eaae0000',
      '784b2508f83c762cd65ce077eaae0000',
      '784b2508f83cadc6c650e077eaae0000',
    ],
    key: '16cf183b9f242d7532fa15176167e359',
    salt: '798a50e8eabc0a33d148dd985850',
    authKey: '732febd5c20086981b0df8350cf78749051f68d5',
    iv: '798a50e8eabb0a32d148dd9858510000',
  },
  {
    role: Role.right,
    senderId: 258,
    blocks: [
      '784b2508f83cdbb92cb1e077eaae0000',
      '784b2508f83c1a96ed0fe077eaae0000',
      '784b2508f83cc02d67e8e077eaae0000',
    ],
    key: '1dc221ee87246ee341cea10c1508d50e',
    salt: 'cb15855787aebcea11271ed1431c',
    authKey: '1152869e1b40e8a4213543588f8ea8a96af919f4',
    iv: 'cb15855787a9bde811271ed1431d0000',
  },
];

test('counter blocks, session keys and payload vector are those of the worked example', () => {
  const master = fromPassphrase('Creating_VPN_Tunnels_With_Anytun_Is_Easy', 128);
  const salts = new Uint32Array(2 * SALT_WORDS);
  storeSalt(salts, 1, master.salt);
  const view = new DataView(new ArrayBuffer(64));
  for (const w of worked) {
    const labels = [Label.encryptionKey, Label.encryptionSalt, Label.authKey].map((label) => label[w.role]);
    const keys = labels.map((label, i) => {
      emitCounterBlock(view, 16, salts, 1, label, 1, 0);
      assert.equal(hex(view, 16, 16), w.blocks[i]);
      emitCounterBlock(view, 32, salts, 1, label, 1, 1);
      assert.equal(hex(view, 32, 16), `${w.blocks[i]!.slice(0, 28)}0001`);
      const cipher = createCipheriv('aes-128-ecb', master.key, null).setAutoPadding(false);
      return cipher.update(Buffer.from(view.buffer, 16, 32));
    });
    assert.equal(keys[0]!.toString('hex', 0, 16), w.key);
    assert.equal(keys[1]!.toString('hex', 0, 14), w.salt);
    assert.equal(keys[2]!.toString('hex', 0, 20), w.authKey);
    new Uint8Array(view.buffer).set(keys[1]!.subarray(0, 16), 16);
    saltToIv(view, 16, 1, w.senderId, 7);
    assert.equal(hex(view, 16, 16), w.iv);
  }
});

test('every octet of the sequence number, the sender id and the mux enters where it should', () => {
  const salts = new Uint32Array(SALT_WORDS);
  const view = new DataView(new ArrayBuffer(32));
  emitCounterBlock(view, 0, salts, 0, 0xfedcba98, 0x81234567, 0);
  assert.equal(hex(view, 0, 16), '000000000000fedcba98812345670000');
  new Uint8Array(view.buffer).fill(0, 0, 14).fill(0xff, 14, 16);
  saltToIv(view, 0, 0x81234567, 0xa1b2, 0xc3d4);
  assert.equal(hex(view, 0, 16), '00000000c3d4a1b20000812345670000');
});
