// The SATP end of the gateway: the associations of one shard, and the two stages that open what comes from clients and seal what
// goes to them. Everything else about them, which control asks for between two batches, is here too.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import type { ClientStateName, Counters } from '../base/counters.ts';
import { ENDPOINT_WORDS } from '../base/endpoint.ts';
import type { Random } from '../base/random.ts';
import { type Duration, type Instant, instant, NEVER } from '../base/time.ts';
import type { Ip4 } from '../wire/addr.ts';
import type { AssociationSpec } from './association-spec.ts';
import { AssociationTable, Whereabouts } from './association-table.ts';
import { ChallengeTable } from './challenge-table.ts';
import type { SatpCrypto } from './crypto.ts';
import { createLineStore, type LineStore } from './line-store.ts';
import { type LineView, NumberLines } from './number-lines.ts';
import { Opener } from './open.ts';
import { Prover } from './prove.ts';
import { SEQUENCE_NUMBERS, Sealer } from './seal.ts';

/** Sequence numbers after which a fresh sender id is asked for: three quarters, which leaves days at any real rate. */
const SENDER_ID_LASTS = SEQUENCE_NUMBERS * 0.75;
/** Sequence numbers whose auth tags are remembered, in each of two regions: 16 MiB if all of them are ever used. */
export const TAG_BUCKETS: number = 2 ** 19;

/** What a {@link Satp} is made of. */
export interface SatpOptions {
  /** Rows: 1 to 65536. */
  readonly capacity: number;
  /** Entries of a replay window, a multiple of 32 up to 65536; 0 turns it off. */
  readonly replayWindow: number;
  /** The gateway's inner address, from which challenges come. */
  readonly gatewayAddress: Ip4;
  readonly crypto: SatpCrypto;
  /** Must not be predictable: who guesses a challenge's nonce has answered it. */
  readonly random: Random;
  readonly counters: Counters;
  /** Of `capacity` rows; what it remembers of a client is taken up when the client is added. Its own by default. */
  readonly lines?: LineStore;
}

/** One association as shown to people. */
export interface AssociationView {
  readonly row: number;
  readonly name: string;
  readonly mux: number;
  /** A copy of the endpoint's {@link ENDPOINT_WORDS} words, or undefined if the client was never heard of. */
  readonly endpoint: Uint32Array | undefined;
  readonly proven: boolean;
  /** When the last authentic datagram was accepted. */
  readonly heardAt: Instant | undefined;
  /** Our own numbering. */
  readonly senderId: number;
  readonly sequence: number;
  /** The client's. */
  readonly lines: readonly LineView[];
}

/** The associations of one shard. */
export class Satp {
  readonly #table: AssociationTable;
  readonly #lines: NumberLines;
  readonly #challenges: ChallengeTable;
  readonly #crypto: SatpCrypto;
  readonly #opener: Opener;
  readonly #sealer: Sealer;

  constructor(options: SatpOptions) {
    const { capacity, crypto, counters, random } = options;
    this.#table = new AssociationTable(capacity);
    const store = options.lines ?? createLineStore(capacity, TAG_BUCKETS, random);
    this.#lines = new NumberLines(capacity, options.replayWindow, store);
    this.#challenges = new ChallengeTable(capacity, random);
    this.#crypto = crypto;
    const prover = new Prover(this.#table, this.#lines, this.#challenges, counters, options.gatewayAddress);
    this.#opener = new Opener(this.#table, this.#lines, prover, crypto, counters);
    this.#sealer = new Sealer(this.#table, crypto, counters);
  }

  /**
   * Opens the pending datagrams of `b`. Those that stay pending are then inner packets of `client[i]`; others are dropped, consumed,
   * or have become a challenge, for which the batch may also grow. The arena's octets around a datagram are scratch space.
   */
  open(b: PacketBatch, now: Instant): void {
    const received = b.count;
    for (let i = 0; i < received; i++) if (b.verdict[i] === Verdict.pending) this.#opener.open(b, i, now);
  }

  /** Seals the inner packets of `b` that are for clients; they are then datagrams for `endpoint` row i, or dropped. */
  seal(b: PacketBatch): void {
    for (let i = 0; i < b.count; i++) {
      const verdict = b.verdict[i];
      if (verdict === Verdict.client || verdict === Verdict.challenge) this.#sealer.seal(b, i);
    }
  }

  /**
   * Adds an association in the free `row`. No datagram may ever have been sealed with `senderId` and these keys. What is remembered of
   * the client's numbers is taken up; `now` is when its silence began then.
   */
  add(row: number, spec: AssociationSpec, senderId: number, now: Instant = NEVER): void {
    this.#table.add(row, spec, senderId);
    this.#lines.resume(row, spec.identity, now);
    this.#challenges.clear(row);
    this.#crypto.install(row, spec.keys);
  }

  /** Removes the association in `row`, its keys included; which numbers it used is remembered in case it comes back. */
  remove(row: number): void {
    this.#table.remove(row);
    this.#challenges.clear(row);
    this.#crypto.remove(row);
  }

  /** Puts an association with other keys, mux or device in place of the one in `row`; see {@link add}. */
  replace(row: number, spec: AssociationSpec, senderId: number, now: Instant = NEVER): void {
    this.remove(row);
    this.add(row, spec, senderId, now);
  }

  /** Takes over a changed name, restart policy or inner address of the association in `row`, which goes on. */
  amend(row: number, spec: AssociationSpec): void {
    this.#table.amend(row, spec);
  }

  /** Forgets what was received from the client in `row`, by the operator's word: the next authentic datagram is the first. */
  reset(row: number): void {
    this.#table.whereabouts[row] = Whereabouts.unknown;
    this.#lines.clear(row);
    this.#challenges.clear(row);
  }

  /** Lets `row`, which nothing was received from yet, point at one endpoint row: where the other side is known to be. */
  locate(row: number, endpoint: Uint32Array): void {
    this.#table.moveTo(row, endpoint, 0, true);
    this.#table.heardAt[row] = Number.NEGATIVE_INFINITY;
  }

  /** The row of `mux`, or -1. */
  rowOf(mux: number): number {
    return this.#table.rowOf(mux);
  }

  /** Whether our numbers in `row` are so far used up that a fresh sender id should be set. */
  needsSenderId(row: number): boolean {
    return this.#table.has(row) && this.#table.sequence[row]! >= SENDER_ID_LASTS;
  }

  /** Gives `row` a sender id that was never used with its keys, or none since `sequence`; our numbering goes on from there. */
  setSenderId(row: number, senderId: number, sequence = 0): void {
    this.#table.senderId[row] = senderId;
    this.#table.sequence[row] = sequence;
  }

  /** How the client in `row` stands: it is unheard if nothing authentic has come within the last `span`. */
  state(row: number, span: Duration, now: Instant): ClientStateName {
    return this.#table.state(row, span, now);
  }

  /** How many clients are in each {@link state}. */
  count(span: Duration, now: Instant): Record<ClientStateName, number> {
    return this.#table.count(span, now);
  }

  /** Shows the association in `row`, or undefined if it is free. */
  view(row: number): AssociationView | undefined {
    const t = this.#table;
    if (!t.has(row)) return undefined;
    const isKnown = t.whereabouts[row] !== Whereabouts.unknown;
    return {
      row,
      name: t.name(row),
      mux: t.mux[row]!,
      endpoint: isKnown ? t.endpoint.slice(row * ENDPOINT_WORDS, (row + 1) * ENDPOINT_WORDS) : undefined,
      proven: t.whereabouts[row] === Whereabouts.proven,
      heardAt: isKnown ? instant(t.heardAt[row]!) : undefined,
      senderId: t.senderId[row]!,
      sequence: t.sequence[row]!,
      lines: this.#lines.view(row),
    };
  }
}
