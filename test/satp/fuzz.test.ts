import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { below, SeededRandom } from '../../src/base/random.ts';
import { Target } from './fuzz.ts';

const DATAGRAMS = 100_000;

test('100,000 random and mutated datagrams: every one counted, none delivered, none answered, no exception', () => {
  const random = new SeededRandom(20);
  const target = new Target();
  const valid = target.warmUp();
  const { authentic } = target;
  assert.equal(authentic, 6 * 20);

  const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.uint32());
  const mutate = (datagram: Buffer): Uint8Array => {
    const copy = Uint8Array.from(datagram);
    switch (below(random, 6)) {
      case 0:
        return copy.subarray(0, below(random, copy.length));
      case 1:
        return Buffer.concat([copy, noise(1 + below(random, 40))]);
      case 2:
        copy[below(random, 8)]! ^= 1 << below(random, 8);
        return copy;
      case 3:
        copy[copy.length - 1 - below(random, 8)]! ^= 1 << below(random, 8);
        return copy;
      case 4:
        copy.set(noise(4), 8 + below(random, copy.length - 12));
        return Buffer.compare(copy, datagram) === 0 ? copy.subarray(1) : copy;
      default:
        copy[below(random, copy.length)]! ^= 1 + below(random, 255);
        return copy;
    }
  };

  for (let fired = 0; fired < DATAGRAMS; fired += 1000) {
    const salvo = Array.from({ length: 1000 }, (_, n) =>
      n % 4 === 0 ? noise(below(random, 120)) : mutate(valid[below(random, valid.length)]!),
    );
    target.fire(salvo, below(random, 5));
  }
  assert.equal(target.authentic, authentic);
});

test('whatever octets come, nothing is delivered and everything is counted', () => {
  const target = new Target();
  target.warmUp();
  const header = fc
    .tuple(fc.nat(0xffffffff), fc.constantFrom(0, 1, 900, 65_535), fc.integer({ min: 5, max: 13 }))
    .map(([sequence, senderId, mux]) => {
      const octets = Buffer.alloc(8);
      octets.writeUInt32BE(sequence, 0);
      octets.writeUInt16BE(senderId, 4);
      octets.writeUInt16BE(mux, 6);
      return octets;
    });
  const datagram = fc
    .tuple(header, fc.uint8Array({ maxLength: 100 }), fc.nat(110))
    .map(([head, tail, length]) => Buffer.concat([head, tail]).subarray(0, length));
  fc.assert(
    fc.property(fc.array(datagram, { maxLength: 20 }), fc.nat(3), (datagrams, from) => target.fire(datagrams, from)),
    { numRuns: 300 },
  );
});
