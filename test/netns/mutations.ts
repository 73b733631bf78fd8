// Datagrams that no client ever sent: noise, and real ones with something wrong. Reproducible, so that a failure can be repeated.

import { below, SeededRandom } from '../../src/base/random.ts';

/** Octets of the longest datagram made here that fits one packet of the underlay. */
const LONGEST = 1472;

const noise = (random: SeededRandom, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.uint32();
  return bytes;
};

const flipped = (random: SeededRandom, original: Uint8Array): Uint8Array => {
  const copy = Uint8Array.from(original);
  // Each flip in an octet of its own, so that no two undo one another.
  const flips = 1 + below(random, 8);
  const step = Math.floor(copy.length / flips);
  for (let i = 0; i < flips; i++) copy[i * step + below(random, step)]! ^= 1 << below(random, 8);
  return copy;
};

/** Kinds of mutations, in turn. */
const KINDS: readonly ((random: SeededRandom, original: Uint8Array) => Uint8Array)[] = [
  (random) => noise(random, below(random, LONGEST + 1)),
  (random) => noise(random, below(random, 24)),
  // Noise behind a header that is right.
  (random, original) => {
    const bytes = noise(random, 8 + below(random, 200));
    bytes.set(original.subarray(0, 8));
    return bytes;
  },
  flipped,
  flipped,
  (random, original) => original.subarray(0, below(random, original.length)),
  (random, original) => Uint8Array.from([...original, ...noise(random, 1 + below(random, 40))]),
  // Two real ones, spliced.
  (random, original) => {
    const copy = Uint8Array.from(original);
    copy.set(noise(random, 10), copy.length - 10);
    return copy;
  },
  // The sequence number or sender id of another datagram.
  (random, original) => {
    const copy = Uint8Array.from(original);
    copy[below(random, 6)]! += 1 + below(random, 255);
    return copy;
  },
  // A mux of nobody.
  (random, original) => {
    const copy = Uint8Array.from(original);
    copy[6] = 0x55;
    copy[7] = random.uint32();
    return copy;
  },
];

/** `count` datagrams made from `originals`; none of them is one of these. One in a thousand is larger than any client's. */
export const mutations = (originals: readonly Uint8Array[], count: number, seed: number): Uint8Array[] => {
  const random = new SeededRandom(seed);
  const known = new Set(originals.map((o) => Buffer.from(o).toString('latin1')));
  const made: Uint8Array[] = [];
  while (made.length < count) {
    const original = originals[below(random, originals.length)]!;
    const mutation =
      made.length % 1000 === 999
        ? noise(random, 1501 + below(random, 8000))
        : KINDS[made.length % KINDS.length]!(random, original);
    if (!known.has(Buffer.from(mutation).toString('latin1'))) made.push(mutation);
  }
  return made;
};
