import assert from 'node:assert/strict';
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Arena } from '../../src/base/arena.ts';
import { GatewayError } from '../../src/base/errors.ts';
import { loadLibcrypto } from '../../src/io/openssl.ts';
import { OpensslCrypto } from '../../src/io/openssl-crypto.ts';

const systemLibrary = (() => {
  try {
    return loadLibcrypto(['libcrypto.so.3']);
  } catch {
    return undefined;
  }
})();

const libraries = [
  { name: 'the OpenSSL of node', library: loadLibcrypto([null]), skip: false as const },
  {
    name: 'the OpenSSL of the system',
    library: systemLibrary,
    skip: systemLibrary === undefined && ('needs libcrypto.so.3' as const),
  },
];

for (const { name, library, skip } of libraries) {
  test(`${name} enciphers blocks with every key length`, { skip }, () => {
    const crypto = new OpensslCrypto(library);
    for (const [row, length] of [16, 24, 32].entries()) {
      const key = randomBytes(length);
      const blocks = randomBytes(80);
      crypto.setKey(row, key);
      crypto.scratch.bytes.set(blocks, 16);
      crypto.encipherBlocks(row, 16, 80);
      const expected = createCipheriv(`aes-${length * 8}-ecb`, key, null)
        .setAutoPadding(false)
        .update(blocks);
      assert.deepEqual(Buffer.from(crypto.scratch.bytes.subarray(16, 96)), expected);
    }
  });

  test(`${name} enciphers streams of any length with every key length`, { skip }, () => {
    const crypto = new OpensslCrypto(library);
    const arena = new Arena(4096);
    for (const bits of [128, 192, 256] as const) {
      for (const length of [1, 2, 15, 16, 17, 64, 127, 1402, 2000]) {
        const key = randomBytes(bits / 8);
        const iv = randomBytes(16);
        const text = randomBytes(length);
        crypto.scratch.bytes.set(key, 0);
        crypto.scratch.bytes.set(iv, 32);
        arena.bytes.set(text, 201);
        crypto.encipherStream(bits, 0, 32, arena, 201, 201 + length);
        const expected = createCipheriv(`aes-${bits}-ctr`, key, iv).update(text);
        assert.deepEqual(Buffer.from(arena.bytes.subarray(201, 201 + length)), expected, `${bits} ${length}`);
        assert.equal(arena.bytes[201 + length], 0, 'what follows is not touched');
        arena.bytes.fill(0);
      }
    }
  });

  test(`${name} authenticates messages of every length modulo the hash's block`, { skip }, () => {
    const crypto = new OpensslCrypto(library);
    const arena = new Arena(4096);
    for (let length = 0; length <= 200; length++) {
      const key = randomBytes(20);
      const text = randomBytes(length);
      crypto.scratch.bytes.set(key, 48);
      arena.bytes.fill(0xee);
      arena.bytes.set(text, 100);
      crypto.hmacSha1(48, arena, 100, 100 + length);
      const digest = Buffer.alloc(20);
      for (const [k, word] of crypto.digest.entries()) digest.writeUInt32BE(word, 4 * k);
      assert.deepEqual(digest, createHmac('sha1', key).update(text).digest(), `${length}`);
      assert.deepEqual(Buffer.from(arena.bytes.subarray(100, 100 + length)), text);
    }
  });
}

test('more clients than key schedules share them, whatever the lengths of their keys', () => {
  const crypto = new OpensslCrypto();
  const rows = [5, 5 + 8192, 5 + 2 * 8192, 65_535];
  const keys = rows.map((_, n) => randomBytes([16, 24, 32, 16][n]!));
  for (const [n, row] of rows.entries()) crypto.setKey(row, keys[n]!);
  const enciphered = (n: number): Buffer => {
    crypto.scratch.bytes.fill(0x61);
    crypto.encipherBlocks(rows[n]!, 0, 32);
    return Buffer.from(crypto.scratch.bytes.subarray(0, 32));
  };
  const expected = (n: number): Buffer =>
    createCipheriv(`aes-${keys[n]!.length * 8}-ecb`, keys[n]!, null)
      .setAutoPadding(false)
      .update(Buffer.alloc(32, 0x61));
  for (const n of [0, 1, 2, 3, 2, 1, 0, 0, 2, 0, 3]) assert.deepEqual(enciphered(n), expected(n));
  crypto.clearKey(rows[1]!);
  keys[1] = randomBytes(32);
  crypto.setKey(rows[1]!, keys[1]);
  for (const n of [1, 0, 1]) assert.deepEqual(enciphered(n), expected(n));
});

test('two arenas can take turns', () => {
  const crypto = new OpensslCrypto();
  const arenas = [new Arena(512), new Arena(512)];
  const digests = [0, 1, 0, 1].map((a) => {
    crypto.hmacSha1(0, arenas[a]!, 128, 140);
    return [...crypto.digest];
  });
  for (const digest of digests) assert.deepEqual(digest, digests[0]);
});

test('a cleared key leaves nothing behind in the memory that was handed over', () => {
  const crypto = new OpensslCrypto();
  crypto.setKey(3, new Uint8Array(16).fill(0xaa));
  assert.ok(crypto.scratch.bytes.every((octet) => octet === 0));
  crypto.encipherBlocks(3, 0, 128);
  crypto.clearKey(3);
  assert.ok(crypto.scratch.bytes.every((octet) => octet === 0));
  crypto.clearKey(3);
  crypto.clearKey(77);
  crypto.setKey(3, new Uint8Array(32));
});

test('a key over another one and a key of no AES length are our own bugs', () => {
  const crypto = new OpensslCrypto();
  crypto.setKey(0, new Uint8Array(16));
  assert.throws(() => crypto.setKey(0, new Uint8Array(16)), /free row/);
  assert.throws(() => crypto.setKey(1, new Uint8Array(20)), /16, 24 or 32/);
});

test('a machine without OpenSSL is told what to install', () => {
  assert.throws(
    () => loadLibcrypto(['libcrypto.so.0']),
    (error) => error instanceof GatewayError && error.code === 'ERR_LIBRARY' && /install libssl3/.test(error.message),
  );
});

test('a library whose hash state has another form is refused', () => {
  const library = { ...loadLibcrypto(), SHA1_Update: () => 1 };
  assert.throws(
    () => new OpensslCrypto(library),
    (error) => error instanceof GatewayError && error.code === 'ERR_LIBRARY',
  );
});
