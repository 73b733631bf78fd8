// The arithmetic of the benchmark.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factor, figure, formatTable } from '../../bench/format.ts';
import { median, quantile, ratio, summarize } from '../../bench/stats.ts';

test('the median is the middle value, or the mean of the middle two', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a quantile lies between its neighbors', () => {
  assert.equal(quantile([0, 10, 20, 30, 40], 0.25), 10);
  assert.equal(quantile([0, 10], 0.99), 9.9);
  assert.deepEqual(summarize([3, 1, 2]), { median: 2, min: 1, max: 3 });
});

test('a ratio is the median of the ratios of pairs, so that a machine that slows down does not change it', () => {
  assert.equal(ratio([1, 2, 4], [2, 4, 8]), 0.5);
  assert.ok(Number.isNaN(ratio([1], [])));
});

test('figures have three digits and no exponent', () => {
  assert.equal(figure(7260.4), '7,260');
  assert.equal(figure(99.96), '100');
  assert.equal(figure(0.0741), '0.0741');
  assert.equal(figure(2), '2');
  assert.equal(figure(Number.NaN), '–');
  assert.equal(factor(0.2449), '0.24 ×');
});

test('a table is Markdown whose columns line up', () => {
  const text = formatTable({ caption: '', head: ['who', 'ns'], rows: [['uanytun', '7,260']] });
  assert.equal(text, ['| who     |    ns |', '|---------|------:|', '| uanytun | 7,260 |'].join('\n'));
});
