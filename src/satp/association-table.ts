// The associations as columns: what was configured, where the client is, and how far our own numbering has come. A row is the
// client's number in every table of the gateway. The endpoint is where datagrams for the client go; it is *proven* as long as we
// need not fear that somebody pointed it at a third party, and what may be sent to an unproven one is limited by credit.

import { invariant } from '../base/assert.ts';
import type { ClientStateName } from '../base/counters.ts';
import { copyEndpoint, ENDPOINT_WORDS } from '../base/endpoint.ts';
import type { Duration, Instant } from '../base/time.ts';
import type { AssociationSpec } from './association-spec.ts';

/** No association. */
export const NO_ROW = -1;

/** `RestartPolicy` as a column's values. */
export const Restart = { strict: 0, challenge: 1, afterSilence: 2 } as const;
export type Restart = (typeof Restart)[keyof typeof Restart];

/** What is known of a client's endpoint. */
export const Whereabouts = {
  /** Nothing: it was never heard of. */
  unknown: 0,
  /** It moved there, and has yet to answer a challenge. */
  unproven: 1,
  proven: 2,
} as const;
export type Whereabouts = (typeof Whereabouts)[keyof typeof Whereabouts];

/** Octets that may be sent to an unproven endpoint for each authentic octet received from it; RFC 9000 §8.1 has the same limit. */
export const CREDIT_FACTOR = 3;

const MUXES = 65_536;
const ABSENT = 0xff;

/** `capacity` rows; columns may be read and written by the stages of this layer. */
export class AssociationTable {
  readonly capacity: number;
  readonly mux: Uint16Array;
  /** 1 for a client with an Ethernet device. */
  readonly isTap: Uint8Array;
  readonly restart: Uint8Array;
  /** Valid iff `restart` is after-silence. */
  readonly silence: Float64Array;
  /** Host-order IPv4 address for challenges; 0 if there is none. */
  readonly innerAddress: Uint32Array;
  readonly whereabouts: Uint8Array;
  /** {@link ENDPOINT_WORDS} words a row; valid iff whereabouts are known. */
  readonly endpoint: Uint32Array;
  /** The last proven endpoint, in the same form. */
  readonly proven: Uint32Array;
  /** Octets that may still be sent to the unproven endpoint. */
  readonly credit: Float64Array;
  /** When the last authentic datagram was accepted; valid iff whereabouts are known. */
  readonly heardAt: Float64Array;
  /** Our own sender id. */
  readonly senderId: Uint16Array;
  /** The next sequence number of ours; 2^32 when they are used up. */
  readonly sequence: Float64Array;
  readonly #tagLength: Uint8Array;
  readonly #names: string[] = [];
  /** Row plus 1 by mux. */
  readonly #rows = new Int32Array(MUXES);

  constructor(capacity: number) {
    invariant(capacity > 0 && capacity <= MUXES, 'there are 1 to 65536 rows');
    this.capacity = capacity;
    this.mux = new Uint16Array(capacity);
    this.isTap = new Uint8Array(capacity);
    this.restart = new Uint8Array(capacity);
    this.silence = new Float64Array(capacity);
    this.innerAddress = new Uint32Array(capacity);
    this.whereabouts = new Uint8Array(capacity);
    this.endpoint = new Uint32Array(capacity * ENDPOINT_WORDS);
    this.proven = new Uint32Array(capacity * ENDPOINT_WORDS);
    this.credit = new Float64Array(capacity);
    this.heardAt = new Float64Array(capacity);
    this.senderId = new Uint16Array(capacity);
    this.sequence = new Float64Array(capacity);
    this.#tagLength = new Uint8Array(capacity).fill(ABSENT);
  }

  /** The row of `mux`, or {@link NO_ROW}. */
  rowOf(mux: number): number {
    return this.#rows[mux]! - 1;
  }

  /** Whether `row` holds an association. */
  has(row: number): boolean {
    return this.#tagLength[row] !== ABSENT;
  }

  /** Octets of the auth tag; 0 without authentication. */
  tagLength(row: number): number {
    return this.#tagLength[row]!;
  }

  /** The client's name. */
  name(row: number): string {
    return this.#names[row] ?? '';
  }

  /** Puts an association into the free `row`; nobody has been heard of, and our numbering starts at 0 under `senderId`. */
  add(row: number, spec: AssociationSpec, senderId: number): void {
    invariant(row >= 0 && row < this.capacity && !this.has(row), 'an association is added to a free row');
    invariant(this.rowOf(spec.mux) === NO_ROW, 'no two associations have the same mux');
    this.#rows[spec.mux] = row + 1;
    this.mux[row] = spec.mux;
    this.isTap[row] = spec.device === 'tap' ? 1 : 0;
    this.#tagLength[row] = spec.keys.auth === 'null' ? 0 : spec.keys.tagLength;
    this.whereabouts[row] = Whereabouts.unknown;
    this.senderId[row] = senderId;
    this.sequence[row] = 0;
    this.amend(row, spec);
  }

  /** Takes over what may change while an association goes on: name, restart policy and inner address. */
  amend(row: number, spec: AssociationSpec): void {
    invariant(this.has(row) && this.mux[row] === spec.mux, 'an association is amended where it is');
    const { restart } = spec;
    this.#names[row] = spec.name;
    // An echo request needs an Ethernet header on a tap, and nobody's address there is known for certain.
    const cannotChallenge = restart.kind === 'challenge' && spec.device === 'tap';
    this.restart[row] =
      restart.kind === 'strict' || cannotChallenge
        ? Restart.strict
        : restart.kind === 'challenge'
          ? Restart.challenge
          : Restart.afterSilence;
    this.silence[row] = restart.kind === 'after-silence' ? restart.silence : 0;
    this.innerAddress[row] = spec.innerAddress;
    if (this.restart[row] !== Restart.challenge && this.whereabouts[row] === Whereabouts.unproven) this.prove(row);
  }

  /** Frees `row`. */
  remove(row: number): void {
    invariant(this.has(row), 'only an association can be removed');
    this.#rows[this.mux[row]!] = 0;
    this.#tagLength[row] = ABSENT;
    this.#names[row] = '';
    this.whereabouts[row] = Whereabouts.unknown;
  }

  /** Lets `row` point at the endpoint in row `i` of `source`; unproven, it starts without credit. */
  moveTo(row: number, source: Uint32Array, i: number, isProven: boolean): void {
    copyEndpoint(source, i, this.endpoint, row);
    if (isProven) {
      this.prove(row);
    } else {
      this.whereabouts[row] = Whereabouts.unproven;
      this.credit[row] = 0;
    }
  }

  /** Takes the present endpoint for proven. */
  prove(row: number): void {
    copyEndpoint(this.endpoint, row, this.proven, row);
    this.whereabouts[row] = Whereabouts.proven;
  }

  /** How the client in `row` stands: it is unheard if nothing authentic has come within the last `span`. */
  state(row: number, span: Duration, now: Instant): ClientStateName {
    const whereabouts = this.whereabouts[row];
    if (whereabouts === Whereabouts.unknown || now - this.heardAt[row]! > span) return 'unheard';
    return whereabouts === Whereabouts.unproven ? 'unproven' : 'connected';
  }

  /** How many clients are in each {@link state}. */
  count(span: Duration, now: Instant): Record<ClientStateName, number> {
    const count = { connected: 0, unproven: 0, unheard: 0 };
    for (let row = 0; row < this.capacity; row++) if (this.has(row)) count[this.state(row, span, now)]++;
    return count;
  }
}
