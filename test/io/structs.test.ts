import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../src/base/arena.ts';
import { layoutOf, pin, read } from '../../src/io/native.ts';
import { checkLayout, setAddress } from '../../src/io/structs.ts';

test('a struct that the platform lays out differently is refused by name', () => {
  assert.throws(() => checkLayout('example', { size: 8, second: 4 }, { first: 'uint64_t', second: 'uint32_t' }), {
    code: 'ERR_LIBRARY',
    message: /struct example .* \(size is 16, not 8\)/,
  });
  assert.throws(() => checkLayout('example', { size: 16, second: 4 }, { first: 'uint64_t', second: 'uint32_t' }), {
    message: /\(second is 8, not 4\)/,
  });
});

test('a struct within a struct keeps its own size and alignment', () => {
  assert.deepEqual(layoutOf({ inner: { a: 'uint64_t', b: 'uint32_t' }, c: 'uint32_t' }), {
    size: 24,
    offsets: { inner: 0, c: 16 },
  });
});

test('addresses are written whole, also above four gigabytes', () => {
  const view = new DataView(new ArrayBuffer(8));
  for (const address of [0, 1, 0xffffffff, 0x1_0000_0000, 0x7fff_ffff_f000, 0x7f9e_b19e_2010]) {
    setAddress(view, 0, address);
    assert.equal(view.getBigUint64(0, true), BigInt(address));
  }
});

test('a pinned arena has an address that the kernel can use, and keeps it', () => {
  const arena = new Arena(4096);
  assert.equal(arena.address, 0);
  pin(arena);
  const { address } = arena;
  assert.ok(address > 0);
  pin(arena);
  assert.equal(arena.address, address);
  assert.equal(read(-1, address, 1), -1);
});
