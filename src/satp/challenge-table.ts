// Which challenge each client has yet to answer, and whose turn the next one is. A client gets at most one a second, so whoever
// keeps on replaying its old datagrams could use up every turn and lock a restarted client out. Therefore turns are shared: the
// client's present endpoint and all others alternate if both ask, and of the others one that has just failed to answer stands
// back behind one that asks for the first time. Who asks alone gets a turn every second.
//
// A challenge that is repeated for the same candidate keeps its nonce, so that an answer counts however long its way is.

import { copyEndpoint, ENDPOINT_WORDS, isSameEndpoint } from '../base/endpoint.ts';
import type { Random } from '../base/random.ts';
import { type Duration, type Instant, seconds } from '../base/time.ts';
import { NONCE_WORDS } from './challenge.ts';

/** Why a client is challenged. */
export const Doubt = {
  /** No challenge is pending. */
  none: 0,
  /** Its endpoint moved. */
  move: 1,
  /** Its numbers began anew, or it came from elsewhere on a contested line. */
  restart: 2,
  /** A datagram on a contested line was the same as an earlier one. */
  repeat: 3,
} as const;
export type Doubt = (typeof Doubt)[keyof typeof Doubt];

/** Between two challenges of a client. */
export const CHALLENGE_INTERVAL: Duration = seconds(1);
/** How long an answer counts. */
export const CHALLENGE_LIFETIME: Duration = seconds(10);
/** For how long, at the most, who has just had a turn stands back behind others. */
const STAND_BACK = seconds(2);
const STAND_BACK_ELSEWHERE = seconds(3);

/** Flags of who asked in vain since the last challenge. */
const Asking = { home: 1, elsewhere: 2, newElsewhere: 4 } as const;

/** Pending challenges by row. */
export class ChallengeTable {
  /** {@link Doubt}. */
  readonly doubt: Uint8Array;
  /** Sender id and sequence number of the datagram that raised the doubt: the candidate's. */
  readonly senderId: Uint16Array;
  readonly sequence: Uint32Array;
  /** Where the challenge was sent. */
  readonly candidate: Uint32Array;
  readonly echoId: Uint16Array;
  readonly nonces: Uint32Array;
  readonly #random: Random;
  /** When the pending nonce was made. */
  readonly #madeAt: Float64Array;
  /** When the last challenge was sent; far in the past if none was. */
  readonly #sentAt: Float64Array;
  readonly #lastWasHome: Uint8Array;
  readonly #asking: Uint8Array;
  /** The last candidate that was not the client's endpoint, and when it was challenged. */
  readonly #elsewhere: Uint32Array;
  readonly #elsewhereAt: Float64Array;

  constructor(capacity: number, random: Random) {
    this.doubt = new Uint8Array(capacity);
    this.senderId = new Uint16Array(capacity);
    this.sequence = new Uint32Array(capacity);
    this.candidate = new Uint32Array(capacity * ENDPOINT_WORDS);
    this.echoId = new Uint16Array(capacity);
    this.nonces = new Uint32Array(capacity * NONCE_WORDS);
    this.#random = random;
    this.#madeAt = new Float64Array(capacity);
    this.#sentAt = new Float64Array(capacity);
    this.#lastWasHome = new Uint8Array(capacity);
    this.#asking = new Uint8Array(capacity);
    this.#elsewhere = new Uint32Array(capacity * ENDPOINT_WORDS);
    this.#elsewhereAt = new Float64Array(capacity);
  }

  /** Forgets everything about `row`. */
  clear(row: number): void {
    this.doubt[row] = Doubt.none;
    this.#asking[row] = 0;
    this.#sentAt[row] = Number.NEGATIVE_INFINITY;
    this.#elsewhereAt[row] = Number.NEGATIVE_INFINITY;
  }

  /** Whether the pending challenge of `row` is too old to be answered. */
  isExpired(row: number, now: Instant): boolean {
    return now - this.#madeAt[row]! > CHALLENGE_LIFETIME;
  }

  /**
   * Whether it is the turn of the endpoint in row `i` of `source` to be challenged; who asks in vain is noted. `isHome` says that it
   * is the client's present one.
   */
  mayChallenge(row: number, isHome: boolean, source: Uint32Array, i: number, now: Instant): boolean {
    const since = now - this.#sentAt[row]!;
    const isKnownElsewhere = !isHome && isSameEndpoint(this.#elsewhere, row, source, i);
    if (since >= CHALLENGE_INTERVAL && !this.#mustStandBack(row, isHome, isKnownElsewhere, since, now)) return true;
    if (isHome) this.#asking[row]! |= Asking.home;
    else this.#asking[row]! |= isKnownElsewhere ? Asking.elsewhere : Asking.elsewhere | Asking.newElsewhere;
    return false;
  }

  /**
   * Makes a challenge pending for the endpoint in row `i` of `source`, whose turn it is. Returns whether another one, unanswered, was
   * given up for it.
   */
  begin(
    row: number,
    doubt: Doubt,
    isHome: boolean,
    source: Uint32Array,
    i: number,
    senderId: number,
    sequence: number,
    now: Instant,
  ): boolean {
    const wasPending = this.doubt[row] !== Doubt.none;
    const isAgain =
      this.doubt[row] === doubt &&
      this.senderId[row] === senderId &&
      isSameEndpoint(this.candidate, row, source, i) &&
      !this.isExpired(row, now);
    if (!isAgain) {
      for (let w = 0; w < NONCE_WORDS; w++) this.nonces[row * NONCE_WORDS + w] = this.#random.uint32();
      this.echoId[row] = this.#random.uint32();
      this.#madeAt[row] = now;
    }
    if (now - this.#sentAt[row]! > STAND_BACK_ELSEWHERE) this.#asking[row] = 0;
    this.doubt[row] = doubt;
    this.senderId[row] = senderId;
    this.sequence[row] = sequence;
    copyEndpoint(source, i, this.candidate, row);
    this.#sentAt[row] = now;
    this.#lastWasHome[row] = isHome ? 1 : 0;
    if (isHome) {
      this.#asking[row]! &= ~Asking.home;
    } else {
      this.#asking[row]! &= ~(Asking.elsewhere | Asking.newElsewhere);
      copyEndpoint(source, i, this.#elsewhere, row);
      this.#elsewhereAt[row] = now;
    }
    return wasPending && !isAgain;
  }

  /** The pending challenge of `row` is over: answered, or given up. */
  end(row: number): void {
    this.doubt[row] = Doubt.none;
    this.#asking[row] = 0;
  }

  #mustStandBack(row: number, isHome: boolean, isKnownElsewhere: boolean, since: number, now: Instant): boolean {
    const asking = this.#asking[row]!;
    const lastWasHome = this.#lastWasHome[row] === 1;
    if (isHome) return lastWasHome && (asking & Asking.elsewhere) !== 0 && since < STAND_BACK;
    if (!lastWasHome && (asking & Asking.home) !== 0 && since < STAND_BACK) return true;
    return (
      isKnownElsewhere && (asking & Asking.newElsewhere) !== 0 && now - this.#elsewhereAt[row]! < STAND_BACK_ELSEWHERE
    );
  }
}
