import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant } from '../../src/base/time.ts';
import { TokenBuckets } from '../../src/nat/token-bucket.ts';

const takeAll = (buckets: TokenBuckets, row: number, now: number): number => {
  let n = 0;
  while (buckets.has(row, instant(now)) && n < 1000) {
    buckets.take(row, instant(now));
    n++;
  }
  return n;
};

test('a bucket starts full, empties, and fills at its rate up to its burst', () => {
  const buckets = new TokenBuckets(2, 10, 5);
  assert.equal(takeAll(buckets, 0, 5_000_000), 5);
  assert.equal(takeAll(buckets, 0, 5_000_099), 0);
  assert.equal(takeAll(buckets, 0, 5_000_100), 1);
  assert.equal(takeAll(buckets, 0, 5_000_400), 3);
  assert.equal(takeAll(buckets, 0, 9_000_000), 5);
});

test('buckets are apart, can be filled, and share a rate that can change', () => {
  const buckets = new TokenBuckets(2, 10, 5);
  takeAll(buckets, 0, 0);
  assert.equal(takeAll(buckets, 1, 0), 5);
  buckets.reset(0);
  assert.equal(takeAll(buckets, 0, 0), 5);
  buckets.adjust(1000, 100);
  assert.equal(takeAll(buckets, 0, 5), 100);
  assert.equal(takeAll(buckets, 0, 10), 5);
});
