// Random numbers as the pure core sees them: an interface that is passed in.

/** A source of random numbers; what an attacker could gain from guessing decides which one is passed. */
export interface Random {
  /** A uniformly distributed uint32. */
  uint32(): number;
}

/** A uniformly distributed integer in `[0, bound)`; `bound` is at most 2^32. The bias is below 2^-21 for any bound used here. */
export const below = (random: Random, bound: number): number => Math.floor((random.uint32() / 4_294_967_296) * bound);

/** A reproducible generator (mulberry32) for tests, demonstrations and benchmarks; never for secrets. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
}
