import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { instant } from '../../src/base/time.ts';
import { createLineStore, LINES } from '../../src/satp/line-store.ts';
import { NO_LINE, NumberLines, Standing } from '../../src/satp/number-lines.ts';

const ROW = 1;
const T = instant(1000);
const lines = (window = 64): NumberLines =>
  new NumberLines(3, window, createLineStore(3, 2 ** 10, new SeededRandom(1)));
const judge = (l: NumberLines, sequence: number, { senderId = 0, tag = 99, isHome = true } = {}): Standing =>
  l.judge(ROW, l.find(ROW, senderId), senderId, sequence, tag, isHome);
const accept = (l: NumberLines, sequence: number, senderId = 0, tag = sequence + 1): void =>
  l.accept(ROW, l.find(ROW, senderId), senderId, sequence, tag, T);

test('an unknown sender id is fresh whatever its number, as long as a line is left', () => {
  const l = lines();
  for (let senderId = 0; senderId < LINES; senderId++) {
    assert.equal(l.find(ROW, senderId), NO_LINE);
    assert.equal(judge(l, 4_000_000_000, { senderId, isHome: false }), Standing.fresh);
    accept(l, 10, senderId);
    assert.notEqual(l.find(ROW, senderId), NO_LINE);
  }
  assert.equal(judge(l, 0, { senderId: LINES }), Standing.contested);
  assert.equal(l.find(0, 0), NO_LINE);
  assert.equal(l.find(2, 0), NO_LINE);
});

test('a line that starts over takes what is below for seen, and contests what an earlier line used', () => {
  const l = lines();
  accept(l, 500);
  l.restart(ROW, 0, 20, 7, T);
  for (let sequence = 0; sequence <= 20; sequence++) assert.equal(judge(l, sequence), Standing.stale);
  assert.equal(judge(l, 21), Standing.fresh);
  assert.equal(judge(l, 21, { isHome: false }), Standing.contested);
  assert.equal(judge(l, 84), Standing.fresh);
  assert.equal(judge(l, 85), Standing.contested);
});

test('a line is contested up to the highest number of any line before', () => {
  const l = lines();
  accept(l, 500);
  l.restart(ROW, 0, 20, 7, T);
  l.restart(ROW, 0, 5, 7, T);
  for (let sequence = 6; sequence <= 500; sequence++) {
    assert.equal(judge(l, sequence, { isHome: false }), Standing.contested, `${sequence}`);
    accept(l, sequence, 0, -sequence);
  }
  assert.equal(judge(l, 501, { isHome: false }), Standing.contested);
  accept(l, 501);
  assert.equal(judge(l, 502, { isHome: false }), Standing.fresh);
  assert.deepEqual(l.view(ROW), [{ senderId: 0, highest: 501, contested: false }]);
});

test('what was accepted under a number is recognised when the number is contested', () => {
  const l = lines();
  for (let sequence = 0; sequence < 100; sequence++) accept(l, sequence);
  l.restart(ROW, 0, 3, 7, T);
  assert.equal(judge(l, 10, { tag: 11 }), Standing.repeated);
  assert.equal(judge(l, 10, { tag: 12 }), Standing.fresh);
  accept(l, 12, 0, 77);
  assert.equal(judge(l, 10, { tag: 11 }), Standing.stale, 'it was passed');
  assert.equal(judge(l, 10, { tag: 12 }), Standing.late);
});

test('proofs that a repeated datagram was the client’s own make the line believe it, and one to the contrary starts the count anew', () => {
  const l = lines();
  for (let sequence = 0; sequence < 100; sequence++) accept(l, sequence);
  l.restart(ROW, 0, 3, 7, T);
  const prove = (repeated: number, isOwn: boolean): void => {
    assert.equal(judge(l, repeated, { tag: repeated + 1 }), Standing.repeated);
    if (!isOwn) accept(l, repeated, 0, -1);
    accept(l, repeated + 1, 0, -2);
    l.weighRepeat(ROW, 0, repeated);
  };
  prove(4, true);
  prove(6, true);
  prove(8, false);
  prove(10, true);
  prove(12, true);
  prove(14, true);
  assert.equal(judge(l, 16, { tag: 17 }), Standing.fresh);
  l.restart(ROW, 0, 20, 7, T);
  assert.equal(judge(l, 30, { tag: 31 }), Standing.repeated, 'a restart makes it wary again');
});

test('a sender id without a line takes that of the least recently used one when it is proved, all contested', () => {
  const l = lines();
  for (let senderId = 0; senderId < LINES; senderId++) {
    l.accept(ROW, NO_LINE, senderId, 10, 1, instant(1000 + (senderId === 0 ? 50 : senderId)));
  }
  l.restart(ROW, 77, 5, 7, instant(2000));
  assert.deepEqual(
    l.view(ROW).map((view) => view.senderId),
    [0, 77, 2, 3],
  );
  assert.equal(judge(l, 6, { senderId: 77 }), Standing.fresh);
  assert.equal(judge(l, 6, { senderId: 77, isHome: false }), Standing.contested);
});

test('a cleared row knows nothing, and its next lines are not contested', () => {
  const l = lines();
  accept(l, 500);
  l.restart(ROW, 0, 20, 7, T);
  l.clear(ROW);
  assert.deepEqual(l.view(ROW), []);
  accept(l, 5);
  assert.equal(judge(l, 400, { isHome: false }), Standing.fresh);
});

test('without a window nothing is contested', () => {
  const l = lines(0);
  assert.equal(l.hasWindow, false);
  accept(l, 500);
  l.restart(ROW, 0, 20, 0, T);
  assert.equal(judge(l, 21, { isHome: false }), Standing.fresh);
  assert.equal(judge(l, 7, { isHome: false }), Standing.late);
  for (let senderId = 1; senderId < LINES; senderId++) accept(l, 5, senderId);
  l.restart(ROW, 9, 20, 0, instant(5000));
  assert.equal(judge(l, 21, { senderId: 9, isHome: false }), Standing.fresh);
});

test('a line that is resumed takes everything up to its highest number for seen, and is as contested as it was', () => {
  const store = createLineStore(3, 2 ** 10, new SeededRandom(1));
  const before = new NumberLines(3, 64, store);
  before.resume(ROW, 5, T);
  for (const sequence of [500, 510]) accept(before, sequence);
  before.restart(ROW, 0, 7, 1, T);
  accept(before, 400, 2);
  const after = new NumberLines(3, 64, store);
  after.resume(ROW, 5, T);
  assert.equal(judge(after, 7), Standing.stale);
  assert.equal(judge(after, 8, { isHome: false }), Standing.contested);
  assert.equal(judge(after, 8, { tag: 500 + 1 }), Standing.fresh);
  assert.equal(judge(after, 400, { senderId: 2 }), Standing.stale);
  assert.equal(judge(after, 399, { senderId: 2 }), Standing.stale, 'numbers that had not come are given up');
  assert.equal(judge(after, 401, { senderId: 2, isHome: false }), Standing.fresh);
});

test('a line that is resumed still knows the auth tags of its earlier life', () => {
  const store = createLineStore(3, 2 ** 10, new SeededRandom(1));
  const before = new NumberLines(3, 64, store);
  before.resume(ROW, 5, T);
  for (let sequence = 0; sequence < 40; sequence++) accept(before, sequence);
  before.restart(ROW, 0, 7, 1, T);
  const after = new NumberLines(3, 64, store);
  after.resume(ROW, 5, T);
  assert.equal(judge(after, 20, { tag: 20 + 1 }), Standing.repeated);
  assert.equal(judge(after, 20, { tag: 999 }), Standing.fresh);
});

test('what is remembered under other keys, or under none, is forgotten', () => {
  for (const identity of [0, 6]) {
    const store = createLineStore(3, 2 ** 10, new SeededRandom(1));
    const before = new NumberLines(3, 64, store);
    before.resume(ROW, 5, T);
    accept(before, 500);
    const after = new NumberLines(3, 64, store);
    after.resume(ROW, identity, T);
    assert.equal(after.find(ROW, 0), NO_LINE);
  }
});
