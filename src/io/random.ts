// Random numbers that nobody can guess: external ports, challenge payloads and the first sender id depend on it.

import { randomFillSync } from 'node:crypto';
import type { Random } from '../base/random.ts';

const WORDS = 1024;

/** The kernel's and OpenSSL's generator, fetched in bulk so that a number costs no call. */
export class SystemRandom implements Random {
  readonly #words: Uint32Array = new Uint32Array(WORDS);
  #next: number = WORDS;

  uint32(): number {
    if (this.#next === WORDS) {
      randomFillSync(this.#words);
      this.#next = 0;
    }
    const word = this.#words[this.#next]!;
    // What was handed out is not kept for whoever reads this memory later.
    this.#words[this.#next++] = 0;
    return word;
  }
}
