import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../src/base/random.ts';
import { KeyIndex } from '../../src/nat/key-index.ts';
import { NO_ROW } from '../../src/nat/row-lists.ts';

const CAPACITY = 16;

interface Key {
  a: number;
  b: number;
  ports: number;
  protocol: number;
}

// Few keys, so that scripts meet them again, and every bit pattern that sign or width could spoil.
const anyWord = fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000);
const anyKey: fc.Arbitrary<Key> = fc.record({
  a: anyWord,
  b: fc.constantFrom(0, 5),
  ports: fc.constantFrom(0, -1),
  protocol: fc.nat({ max: 2 }),
});
const anyStep = fc.tuple(fc.constantFrom('insert', 'remove', 'find'), anyKey);

test('the index agrees with a Map under any script of inserts, removals and finds', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(anyStep, { maxLength: 200 }), (seed, script) => {
      const index = new KeyIndex(CAPACITY, new SeededRandom(seed));
      const model = new Map<string, number>();
      let row = 0;
      for (const [step, k] of script) {
        const name = `${k.a} ${k.b} ${k.ports} ${k.protocol}`;
        if (step === 'insert' && !model.has(name) && model.size < CAPACITY) {
          index.insert(k.a, k.b, k.ports, k.protocol, row);
          model.set(name, row++);
        } else if (step === 'remove' && model.delete(name)) {
          index.remove(k.a, k.b, k.ports, k.protocol);
        }
        assert.equal(index.find(k.a, k.b, k.ports, k.protocol), model.get(name) ?? NO_ROW);
      }
      for (const [name, wanted] of model) {
        const [a, b, ports, protocol] = name.split(' ').map(Number) as [number, number, number, number];
        assert.equal(index.find(a, b, ports, protocol), wanted);
      }
    }),
  );
});

test('the index agrees with a Map through a long life at full load, where clusters are', () => {
  const n = 64;
  const random = new SeededRandom(9);
  const index = new KeyIndex(n, random);
  const model = new Map<number, number>();
  for (let step = 0; step < 50_000; step++) {
    const key = random.uint32() % (2 * n);
    if (model.delete(key)) index.remove(key, 0, 0, 0);
    else if (model.size < n) {
      index.insert(key, 0, 0, 0, step);
      model.set(key, step);
    }
    const probe = random.uint32() % (2 * n);
    assert.equal(index.find(probe, 0, 0, 0), model.get(probe) ?? NO_ROW);
  }
});

test('a full index finds every entry and none that is absent', () => {
  const n = 5000;
  const index = new KeyIndex(n, new SeededRandom(3));
  for (let i = 0; i < n; i++) index.insert(i, i << 20, i, i % 3, i);
  for (let i = 0; i < n; i++) assert.equal(index.find(i, i << 20, i, i % 3), i);
  for (let i = 0; i < n; i++) assert.equal(index.find(i, i << 20, i, (i + 1) % 3), NO_ROW);
});

test('removal leaves nothing behind that would make a later search longer', () => {
  // With tombstones, a search for an absent key would come to see every slot and this would not end in time.
  const index = new KeyIndex(64, new SeededRandom(3));
  for (let i = 0; i < 200_000; i++) {
    index.insert(i, 0, 0, 0, 1);
    assert.equal(index.find(i, 1, 0, 0), NO_ROW);
    index.remove(i, 0, 0, 0);
  }
  assert.equal(index.find(0, 0, 0, 0), NO_ROW);
});

test('removing a key that is absent changes nothing', () => {
  const index = new KeyIndex(4, new SeededRandom(3));
  index.insert(1, 2, 3, 1, 7);
  index.remove(1, 2, 3, 2);
  assert.equal(index.find(1, 2, 3, 1), 7);
});

test('where a key lands depends on the secret, and keys spread evenly', () => {
  const n = 1000;
  const one = new KeyIndex(n, new SeededRandom(1));
  const two = new KeyIndex(n, new SeededRandom(2));
  let same = 0;
  const hits = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const home = one.home(0x0a000001, i, 0x1234, 0);
    assert.ok(home >= 0 && home < 2 * n);
    hits[Math.floor(home / 200)]!++;
    if (home === two.home(0x0a000001, i, 0x1234, 0)) same++;
  }
  assert.ok(same < 50, `${same} of 10,000 keys land alike under two secrets`);
  for (const h of hits) assert.ok(Math.abs(h - 1000) < 200, `a tenth of the slots got ${h} of 10,000 keys`);
});

test('the hash is HalfSipHash-1-3 (reference value of an independent implementation)', () => {
  // 13 octets: words 0x03020100 0x07060504 0x0b0a0908 and octet 0x02 under the key 00 01 .. 07, scaled to 2^31 slots by hand.
  const words = [0x03020100, 0x07060504] as const;
  let next = 0;
  const index = new KeyIndex(1 << 10, { uint32: () => words[next++]! });
  const hash = halfSipHash13([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2]);
  assert.equal(index.home(0x03020100, 0x07060504, 0x0b0a0908, 2), Math.floor((hash * 2048) / 2 ** 32));
});

/** HalfSipHash-1-3 octet by octet, as its specification words it; the naive twin. */
const halfSipHash13 = (key: readonly number[], message: readonly number[]): number => {
  const le = (b: readonly number[], i: number) =>
    (b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24)) >>> 0;
  const rotl = (x: number, n: number) => ((x << n) | (x >>> (32 - n))) >>> 0;
  const v = [le(key, 0), le(key, 4), (0x6c796765 ^ le(key, 0)) >>> 0, (0x74656462 ^ le(key, 4)) >>> 0];
  const add = (i: number, j: number) => {
    v[i] = (v[i]! + v[j]!) % 2 ** 32;
  };
  const turn = (i: number, n: number, j: number) => {
    v[i] = (rotl(v[i]!, n) ^ v[j]!) >>> 0;
  };
  const round = () => {
    add(0, 1);
    turn(1, 5, 0);
    v[0] = rotl(v[0]!, 16);
    add(2, 3);
    turn(3, 8, 2);
    add(0, 3);
    turn(3, 7, 0);
    add(2, 1);
    turn(1, 13, 2);
    v[2] = rotl(v[2]!, 16);
  };
  const whole = message.length - (message.length % 4);
  for (let i = 0; i <= whole; i += 4) {
    const tail = [0, 1, 2].map((k) => message[whole + k] ?? 0);
    const m = i < whole ? le(message, i) : le([...tail, message.length], 0);
    v[3] = (v[3]! ^ m) >>> 0;
    round();
    v[0] = (v[0]! ^ m) >>> 0;
  }
  v[2]! ^= 0xff;
  for (let i = 0; i < 3; i++) round();
  return (v[1]! ^ v[3]!) >>> 0;
};
