import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemRandom } from '../../src/io/random.ts';

test('numbers are uint32, differ across refills and generators, and set every bit', () => {
  const random = new SystemRandom();
  const seen = new Set<number>();
  let or = 0;
  let and = 0xffffffff;
  for (let n = 0; n < 5000; n++) {
    const word = random.uint32();
    assert.ok(Number.isInteger(word) && word >= 0 && word <= 0xffffffff);
    seen.add(word);
    or |= word;
    and &= word;
  }
  // Five thousand draws of 32 bits: more than ten collisions has a chance far below 10^-20.
  assert.ok(seen.size > 4990);
  assert.equal(or >>> 0, 0xffffffff);
  assert.equal(and >>> 0, 0);
  assert.notEqual(new SystemRandom().uint32(), new SystemRandom().uint32());
});
