import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { createLineStore } from '../../src/satp/line-store.ts';
import { TagMemory } from '../../src/satp/tag-memory.ts';

const memory = (buckets = 2 ** 14): TagMemory => new TagMemory(createLineStore(1, buckets, new SeededRandom(7)));

test('a tag is remembered under its client, sender id and number, and under no other', () => {
  const tags = memory();
  tags.remember(3, 5, 100, 0x5eadbeef);
  assert.equal(tags.has(3, 5, 100, 0x5eadbeef), true);
  assert.equal(tags.has(3, 5, 100, 0x5eadbeee), false);
  assert.equal(tags.has(3, 5, 101, 0x5eadbeef), false);
  assert.equal(tags.has(3, 6, 100, 0x5eadbeef), false);
  assert.equal(tags.has(2, 5, 100, 0x5eadbeef), false);
});

test('the last four tags of a number are remembered', () => {
  const tags = memory();
  for (let tag = 1; tag <= 5; tag++) tags.remember(0, 0, 9, tag);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((tag) => tags.has(0, 0, 9, tag)),
    [false, true, true, true, true],
  );
});

test('a tag too short to tell is never found', () => {
  const tags = memory();
  assert.equal(tags.has(0, 0, 0, 0), false);
  tags.remember(0, 0, 0, 0);
  assert.equal(tags.has(0, 0, 0, 0), false);
});

test('busy lines far up cannot wash out the first numbers of others', () => {
  const tags = memory();
  for (let n = 0; n < 8000; n++) tags.remember(1, 0, n, 0x1000 + n);
  for (let n = 8192; n < 200_000; n++) tags.remember(2, 0, n, -1);
  for (let n = 4_000_000_000; n < 4_000_100_000; n++) tags.remember(3, 0, n, 0x66666666);
  let kept = 0;
  for (let n = 0; n < 8000; n++) if (tags.has(1, 0, n, 0x1000 + n)) kept++;
  assert.equal(kept, 8000);
});

test('lines are spread over the table, so that a few share no buckets', () => {
  const tags = memory(2 ** 17);
  const lines = 20;
  for (let row = 0; row < lines; row++) for (let n = 0; n < 1000; n++) tags.remember(row, 0, n, row + 1);
  let kept = 0;
  for (let row = 0; row < lines; row++) for (let n = 0; n < 1000; n++) if (tags.has(row, 0, n, row + 1)) kept++;
  assert.equal(kept, lines * 1000);
});
