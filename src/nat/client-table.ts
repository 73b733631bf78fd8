// What the NAT knows of each client: its external address (paired pooling: one for all its mappings, RFC 4787 §4.1 REQ-2) and what
// it uses of its quota (RFC 6888 REQ-4).

import type { NatPolicy } from './policy.ts';
import { NO_ADDRESS, type PortPool } from './port-pool.ts';
import { TokenBuckets } from './token-bucket.ts';

/** A column entry for every client. */
export class ClientTable {
  /** Index of the paired external address + 1. */
  readonly #pairing: Int32Array;
  #pairedWith: Int32Array;
  /** External ports and query ids in use. */
  readonly ports: Int32Array;
  readonly sessions: Int32Array;
  /** Sessions that remote endpoints opened and the client has not answered. */
  readonly unanswered: Int32Array;
  /** Allowance of new sessions: the quota's rate, with a burst of one second's worth. */
  readonly newSessions: TokenBuckets;

  constructor(capacity: number, addresses: number, quota: NatPolicy['quota']) {
    this.#pairing = new Int32Array(capacity);
    this.#pairedWith = new Int32Array(addresses);
    this.ports = new Int32Array(capacity);
    this.sessions = new Int32Array(capacity);
    this.unanswered = new Int32Array(capacity);
    this.newSessions = new TokenBuckets(capacity, quota.newSessionsPerSecond, quota.newSessionsPerSecond);
  }

  /** The index of the client's external address; one with the fewest clients is chosen the first time. */
  pair(client: number): number {
    const known = this.#pairing[client]! - 1;
    if (known !== NO_ADDRESS) return known;
    let index = 0;
    for (let i = 1; i < this.#pairedWith.length; i++) if (this.#pairedWith[i]! < this.#pairedWith[index]!) index = i;
    this.#pairedWith[index]!++;
    this.#pairing[client] = index + 1;
    return index;
  }

  /** Forgets the client's pairing; it holds no port. */
  unpair(client: number): void {
    const index = this.#pairing[client]! - 1;
    if (index === NO_ADDRESS) return;
    this.#pairedWith[index]!--;
    this.#pairing[client] = 0;
  }

  /** Moves pairings to the indexes of a changed pool; a client whose address is gone gets another when it next needs one. */
  repair(before: PortPool, pool: PortPool): void {
    this.#pairedWith = new Int32Array(pool.addresses);
    for (let client = 0; client < this.#pairing.length; client++) {
      const old = this.#pairing[client]! - 1;
      if (old === NO_ADDRESS) continue;
      const index = pool.indexOf(before.addressAt(old));
      this.#pairing[client] = index + 1;
      if (index !== NO_ADDRESS) this.#pairedWith[index]!++;
    }
  }
}
