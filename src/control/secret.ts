// Key material in a wrapper that does not show it: not in JSON, not in a log, not in util.inspect, not in a template string.
// Whoever needs the octets has to ask for them by name, which is easy to find in a review.

/** Octets that must not be printed by accident. */
export class Secret {
  readonly #octets: Uint8Array;

  /** Keeps a copy of `octets`. */
  constructor(octets: Uint8Array) {
    this.#octets = Uint8Array.from(octets);
  }

  /** How many octets it has. */
  get length(): number {
    return this.#octets.length;
  }

  /** Whether every octet is zero; true for an empty secret. */
  get isZero(): boolean {
    return this.#octets.every((octet) => octet === 0);
  }

  /** A copy of the octets. */
  reveal(): Uint8Array {
    return this.#octets.slice();
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }
}
