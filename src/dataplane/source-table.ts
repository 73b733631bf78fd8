// Which inner sources each client may use (BCP 38). A client has one prefix as a rule and a handful at most, so its prefixes lie side
// by side in two flat columns and the check is one compare.

import { maskOf, type Prefix4 } from '../wire/addr.ts';

/** Prefixes by client row. */
export class SourceTable {
  readonly #first: Int32Array;
  readonly #count: Uint8Array;
  #addresses: Uint32Array = new Uint32Array(0);
  #masks: Uint32Array = new Uint32Array(0);

  constructor(clients: number) {
    this.#first = new Int32Array(clients);
    this.#count = new Uint8Array(clients);
  }

  /** Replaces everything: row → prefixes, at most 255 a row. For the control path. */
  rebuild(entries: ReadonlyMap<number, readonly Prefix4[]>): void {
    let total = 0;
    for (const prefixes of entries.values()) total += prefixes.length;
    const addresses = new Uint32Array(total);
    const masks = new Uint32Array(total);
    this.#count.fill(0);
    let at = 0;
    for (const [row, prefixes] of entries) {
      this.#first[row] = at;
      this.#count[row] = prefixes.length;
      for (const p of prefixes) {
        addresses[at] = p.address;
        masks[at] = maskOf(p.length);
        at++;
      }
    }
    this.#addresses = addresses;
    this.#masks = masks;
  }

  /** Whether `client` may send from `source`, the 32 bits of an address, signed or not. */
  mayUse(client: number, source: number): boolean {
    const first = this.#first[client]!;
    const end = first + this.#count[client]!;
    for (let k = first; k < end; k++) if (((source ^ this.#addresses[k]!) & this.#masks[k]!) === 0) return true;
    return false;
  }
}
