import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { instant } from '../../src/base/time.ts';
import { ChallengeTable, Doubt } from '../../src/satp/challenge-table.ts';
import { at } from './lab.ts';

const ROW = 2;
const T0 = 50_000;
const endpoints = new Uint32Array(4 * ENDPOINT_WORDS);
for (let n = 0; n < 4; n++) endpoints.set(at(n), n * ENDPOINT_WORDS);
const HOME = 0;

/** A table, and a way to let endpoint `who` ask at a time; true if it was its turn, which it then takes. */
const turns = (): { table: ChallengeTable; ask: (milliseconds: number, who: number) => boolean } => {
  const table = new ChallengeTable(4, new SeededRandom(3));
  table.clear(ROW);
  const ask = (milliseconds: number, who: number): boolean => {
    const now = instant(T0 + milliseconds);
    if (!table.mayChallenge(ROW, who === HOME, endpoints, who, now)) return false;
    table.begin(ROW, Doubt.restart, who === HOME, endpoints, who, 0, 7, now);
    return true;
  };
  return { table, ask };
};

test('whoever asks alone gets a turn every second', () => {
  for (const who of [HOME, 1]) {
    const { ask } = turns();
    const got = Array.from({ length: 50 }, (_, n) => n * 100).filter((ms) => ask(ms, who));
    assert.deepEqual(got, [0, 1000, 2000, 3000, 4000]);
  }
});

test('home and elsewhere alternate, each second one of them, if both ask all the time', () => {
  for (const order of [
    [HOME, 1],
    [1, HOME],
  ]) {
    const { ask } = turns();
    const got: string[] = [];
    for (let ms = 0; ms < 6000; ms += 50) for (const who of order) if (ask(ms, who)) got.push(`${ms} ${who}`);
    assert.deepEqual(
      got,
      [0, 1, 2, 3, 4, 5].map((n) => `${n * 1000} ${order[n % 2]}`),
    );
  }
});

test('elsewhere, one that has failed to answer stands back behind one that asks for the first time', () => {
  const { ask } = turns();
  assert.equal(ask(0, 1), true);
  assert.equal(ask(500, 2), false);
  assert.equal(ask(1000, 1), false);
  assert.equal(ask(1400, 2), true);
});

test('who stands back gets its turn if nobody takes it', () => {
  const { ask } = turns();
  ask(0, HOME);
  ask(100, 1);
  assert.equal(ask(1500, HOME), false);
  assert.equal(ask(2000, HOME), true);
  const other = turns();
  other.ask(0, 1);
  other.ask(100, 2);
  assert.equal(other.ask(2900, 1), false);
  assert.equal(other.ask(3000, 1), true);
});

test('what was asked in vain long ago is forgotten', () => {
  const { ask } = turns();
  ask(0, HOME);
  ask(100, 1);
  assert.equal(ask(60_000, HOME), true);
  assert.equal(ask(61_000, HOME), true);
});

test('a challenge that is repeated keeps its nonce for ten seconds, and no longer', () => {
  const { table, ask } = turns();
  const nonce = (): string => [...table.nonces.subarray(ROW * 4, ROW * 4 + 4)].join();
  ask(0, 1);
  const first = nonce();
  for (let ms = 1000; ms <= 10_000; ms += 1000) {
    assert.equal(ask(ms, 1), true);
    assert.equal(nonce(), first);
  }
  assert.equal(table.isExpired(ROW, instant(T0 + 10_000)), false);
  assert.equal(table.isExpired(ROW, instant(T0 + 10_001)), true);
  ask(11_000, 1);
  assert.notEqual(nonce(), first);
});

test('another candidate, sender id or doubt gets another nonce, and the one given up is told', () => {
  const { table } = turns();
  let now = T0;
  const begin = ([doubt, who, senderId]: readonly [Doubt, number, number]): boolean => {
    now += 1000;
    return table.begin(ROW, doubt, who === HOME, endpoints, who, senderId, 7, instant(now));
  };
  const seen = new Set<string>();
  const steps = [
    [Doubt.restart, 1, 0],
    [Doubt.restart, 2, 0],
    [Doubt.restart, 2, 5],
    [Doubt.move, 2, 5],
  ] as const;
  assert.deepEqual(
    steps.map((step) => {
      const givenUp = begin(step);
      seen.add([...table.nonces.subarray(ROW * 4, ROW * 4 + 4)].join());
      return givenUp;
    }),
    [false, true, true, true],
  );
  assert.equal(seen.size, 4);
  assert.equal(begin([Doubt.move, 2, 5]), false);
  table.end(ROW);
  assert.equal(begin([Doubt.restart, 1, 0]), false);
});

test('rows do not see one another', () => {
  const { table, ask } = turns();
  ask(0, 1);
  assert.equal(table.doubt[ROW], Doubt.restart);
  for (const row of [0, 1, 3]) assert.equal(table.doubt[row], Doubt.none);
  table.clear(ROW);
  assert.equal(table.doubt[ROW], Doubt.none);
  assert.equal(ask(1, 1), true);
});
