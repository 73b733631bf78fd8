import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Freshness, MAX_WINDOW, ReplayWindows } from '../../src/satp/replay-window.ts';

const MAX = 2 ** 32;

/** The daemons' rule word for word, over a Set of all numbers ever seen that are still in the window. */
class NaiveWindow {
  readonly size: number;
  max: number;
  seen: Set<number>;

  constructor(size: number, first: number) {
    this.size = size;
    this.max = first;
    this.seen = new Set([first]);
  }

  check(sequence: number): Freshness {
    let max = this.max;
    let number = sequence;
    if (max < this.size) {
      max = (max + 0x7fffffff) % MAX;
      number = (number + 0x7fffffff) % MAX;
    } else if (max > MAX - 1 - this.size) {
      max = (max - 0x7fffffff + MAX) % MAX;
      number = (number - 0x7fffffff + MAX) % MAX;
    }
    if (number < max - this.size + 1 || number === max) return Freshness.stale;
    if (number > max) return Freshness.fresh;
    return this.seen.has(sequence) ? Freshness.stale : Freshness.late;
  }

  mark(sequence: number): void {
    if (this.check(sequence) === Freshness.fresh) {
      const distance = (sequence - this.max + MAX) % MAX;
      this.max = sequence;
      for (const old of this.seen) {
        const behind = (sequence - old + MAX) % MAX;
        if (behind >= this.size || distance >= this.size) this.seen.delete(old);
      }
    }
    this.seen.add(sequence);
  }
}

const sizes = [32, 64, 96, 1024, 1056, 4096];
const jumps = (size: number): number[] => [
  1,
  2,
  31,
  32,
  33,
  63,
  64,
  65,
  size - 1,
  size,
  size + 1,
  2 * size,
  2 ** 31 - 1,
  2 ** 31,
];

/** Numbers to try around a window whose highest is `max`. */
const around = (max: number, size: number): number[] => {
  const near = [0, 1, 2, 30, 31, 32, 33, 62, 63, 64, 65, 95, 96, 97, size - 2, size - 1, size, size + 1];
  const far = [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1];
  return [...near, ...far].flatMap((d) => [(max + d) % MAX, (max - d + MAX) % MAX]);
};

test('the window agrees with a Set under any script, at any place of the number space', () => {
  const place = fc.oneof(
    fc.constantFrom(0, 1, 31, 1023, 1024, 2 ** 31 - 1, 2 ** 31, MAX - 1, MAX - 32, MAX - 1024, MAX - 1025),
    fc.nat(MAX - 1),
  );
  fc.assert(
    fc.property(fc.constantFrom(...sizes), place, fc.infiniteStream(fc.nat()), (size, first, choices) => {
      const windows = new ReplayWindows(3, size);
      const naive = new NaiveWindow(size, first);
      windows.begin(1, first);
      let steps = 0;
      for (const choice of choices) {
        if (steps++ === 200) break;
        const steer = choice % 4;
        const near = around(naive.max, size);
        const sequence =
          steer === 0
            ? near[(choice >>> 2) % near.length]!
            : steer === 1
              ? (naive.max + jumps(size)[(choice >>> 2) % jumps(size).length]!) % MAX
              : (naive.max - size + ((choice >>> 2) % (2 * size)) + MAX) % MAX;
        const expected = naive.check(sequence);
        assert.equal(windows.check(1, sequence), expected, `highest ${naive.max}, number ${sequence}, window ${size}`);
        if (expected === Freshness.stale) continue;
        naive.mark(sequence);
        windows.mark(1, sequence);
        assert.equal(windows.highest(1), naive.max);
      }
    }),
    { numRuns: 200 },
  );
});

test('a jump of 1, 31, 32, 33, 63, 64, 65, window ± 1 or 2^31 reports nothing unseen as seen, and nothing seen as unseen', () => {
  for (const size of sizes) {
    for (const jump of jumps(size)) {
      for (const first of [5000, 2 ** 31, MAX - 200, MAX - 1]) {
        const windows = new ReplayWindows(1, size);
        const naive = new NaiveWindow(size, first);
        windows.begin(0, first);
        for (const sequence of [(first + jump) % MAX, (first + jump + 3) % MAX]) {
          assert.equal(windows.check(0, sequence), naive.check(sequence), `${size} ${first} +${jump}`);
          if (naive.check(sequence) === Freshness.stale) continue;
          naive.mark(sequence);
          windows.mark(0, sequence);
        }
        for (let d = 0; d < size + 40; d++) {
          const sequence = (naive.max - d + MAX) % MAX;
          assert.equal(windows.check(0, sequence), naive.check(sequence), `${size} ${first} +${jump} -${d}`);
        }
      }
    }
  }
});

test('numbers compare around the corner exactly while the highest is within a window of it', () => {
  for (const size of sizes) {
    for (const first of [0, size - 1, size, size + 1, MAX - 1, MAX - size, MAX - size - 1, MAX - size - 2]) {
      const windows = new ReplayWindows(1, size);
      const naive = new NaiveWindow(size, first);
      windows.begin(0, first);
      for (const sequence of around(first, size)) {
        assert.equal(windows.check(0, sequence), naive.check(sequence), `${size} ${first} ${sequence}`);
      }
    }
  }
});

test('the number space wraps from 2^32 - 1 to 0, also out of order', () => {
  const windows = new ReplayWindows(1, 64);
  windows.begin(0, MAX - 3);
  for (const sequence of [MAX - 1, 1, 0, MAX - 2, 2]) {
    assert.notEqual(windows.check(0, sequence), Freshness.stale, `${sequence}`);
    windows.mark(0, sequence);
  }
  for (const sequence of [MAX - 3, MAX - 2, MAX - 1, 0, 1, 2])
    assert.equal(windows.check(0, sequence), Freshness.stale);
  assert.equal(windows.highest(0), 2);
});

test('a line that starts over takes everything below for seen', () => {
  const windows = new ReplayWindows(2, 64);
  windows.begin(0, 1000);
  windows.restart(0, 40);
  for (let sequence = 0; sequence <= 40; sequence++) assert.equal(windows.check(0, sequence), Freshness.stale);
  assert.equal(windows.check(0, 41), Freshness.fresh);
  windows.mark(0, 50);
  assert.equal(windows.check(0, 40), Freshness.stale);
  for (let sequence = 41; sequence < 50; sequence++) assert.equal(windows.check(0, sequence), Freshness.late);
});

test('lines do not see one another', () => {
  const windows = new ReplayWindows(3, 32);
  for (const line of [0, 1, 2]) windows.begin(line, 100 * line);
  windows.mark(1, 131);
  assert.deepEqual(
    [0, 1, 2].map((line) => windows.highest(line)),
    [0, 131, 200],
  );
  assert.equal(windows.check(0, 1), Freshness.fresh);
  assert.equal(windows.check(2, 199), Freshness.late);
});

test('without a window nothing is stale, and only newer numbers are fresh, around the corner too', () => {
  const windows = new ReplayWindows(1, 0);
  windows.begin(0, 5000);
  assert.equal(windows.check(0, 5000), Freshness.late);
  assert.equal(windows.check(0, 3), Freshness.late);
  assert.equal(windows.check(0, 5001), Freshness.fresh);
  windows.mark(0, MAX - 5);
  windows.mark(0, 7);
  assert.equal(windows.highest(0), 7);
  assert.equal(windows.check(0, MAX - 5), Freshness.late);
});

test('a window is a multiple of 32 up to 65536', () => {
  for (const size of [1, 33, -32, MAX_WINDOW + 32]) assert.throws(() => new ReplayWindows(1, size), /multiple of 32/);
  const windows = new ReplayWindows(1, MAX_WINDOW);
  windows.begin(0, 100_000);
  assert.equal(windows.check(0, 100_000 - MAX_WINDOW + 1), Freshness.late);
  assert.equal(windows.check(0, 100_000 - MAX_WINDOW), Freshness.stale);
});
