// Who must prove that the client is alive, and what follows from a proof. In doubt is an endpoint that moved, a number line that
// begins anew, and a datagram that repeats an earlier one. The doubt is put as an inner echo (challenge.ts) to the endpoint it came
// from; the answer's own number says how far the client has come, whatever the number was that raised the doubt. So it does not
// help a replayer to raise one with a high number of old.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { Cell, ChallengeResult, type Counters, IcmpGenerated } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { copyEndpoint, isSameEndpoint } from '../base/endpoint.ts';
import type { Instant } from '../base/time.ts';
import { type Ip4, ip4 } from '../wire/addr.ts';
import * as satp from '../wire/satp.ts';
import { type AssociationTable, CREDIT_FACTOR, Restart, Whereabouts } from './association-table.ts';
import { CHALLENGE_DATAGRAM, challengeable, emitChallenge, isAnswer } from './challenge.ts';
import { type ChallengeTable, Doubt } from './challenge-table.ts';
import { type NumberLines, Standing } from './number-lines.ts';

/** Octets of the auth tag that are remembered; shorter tags tell too little. */
const TAG_WORD = 4;

/** Raises doubts and weighs answers. Every datagram it is given has a whole header and belongs to the association in `row`. */
export class Prover {
  readonly #table: AssociationTable;
  readonly #lines: NumberLines;
  readonly #challenges: ChallengeTable;
  readonly #counters: Counters;
  readonly #gatewayAddress: Ip4;

  constructor(
    table: AssociationTable,
    lines: NumberLines,
    challenges: ChallengeTable,
    counters: Counters,
    gatewayAddress: Ip4,
  ) {
    this.#table = table;
    this.#lines = lines;
    this.#challenges = challenges;
    this.#counters = counters;
    this.#gatewayAddress = gatewayAddress;
  }

  /** 32 bits of the auth tag of datagram `i`, an int32, for the lines to remember; 0 if they need not. */
  tagOf(b: PacketBatch, i: number, row: number): number {
    const isNeeded =
      this.#lines.hasWindow && this.#table.restart[row] !== Restart.strict && this.#table.tagLength(row) >= TAG_WORD;
    return isNeeded ? b.arena.view.getInt32(b.end[i]! - TAG_WORD) : 0;
  }

  /**
   * Credits an unproven endpoint with the accepted datagram `i` that came from it, and challenges it if it is its turn. Without a
   * replay window, old numbers from elsewhere are accepted too, and it is their endpoint that is challenged.
   */
  question(b: PacketBatch, i: number, row: number, payloadEnd: number, now: Instant): void {
    const table = this.#table;
    if (table.restart[row] !== Restart.challenge) return;
    if (!isSameEndpoint(table.endpoint, row, b.endpoint, i)) {
      const isOld = !this.#lines.hasWindow;
      if (isOld && this.mayChallenge(b, i, row, false, now)) {
        this.challenge(b, i, row, payloadEnd, Doubt.restart, false, now);
      }
      return;
    }
    if (table.whereabouts[row] !== Whereabouts.unproven) return;
    table.credit[row]! += CREDIT_FACTOR * (b.end[i]! - b.at[i]!);
    const isAffordable = table.credit[row]! >= CHALLENGE_DATAGRAM + table.tagLength(row);
    if (isAffordable && this.#challenges.mayChallenge(row, true, b.endpoint, i, now)) {
      this.challenge(b, i, row, payloadEnd, Doubt.move, true, now);
    }
  }

  /** Whether it is the sender's turn to be challenged, and the challenge would not be longer than the datagram that provokes it. */
  mayChallenge(b: PacketBatch, i: number, row: number, isHome: boolean, now: Instant): boolean {
    if (b.end[i]! - b.at[i]! < CHALLENGE_DATAGRAM + this.#table.tagLength(row)) return false;
    return this.#challenges.mayChallenge(row, isHome, b.endpoint, i, now);
  }

  /**
   * Challenges the sender of the opened datagram `i`, if there is an inner address to send an echo request to. The challenge takes
   * the place of a datagram that was dropped, or a free slot; only if there is none does it cost datagram `i`.
   */
  challenge(
    b: PacketBatch,
    i: number,
    row: number,
    payloadEnd: number,
    doubt: Doubt,
    isHome: boolean,
    now: Instant,
  ): void {
    const view = b.arena.view;
    const at = b.at[i]! as satp.SatpAt;
    const target = challengeable(view, at + satp.PAYLOAD, payloadEnd) || this.#table.innerAddress[row]!;
    if (target === 0) return;
    const challenges = this.#challenges;
    const senderId = satp.senderId(view, at);
    const isOtherGivenUp = challenges.begin(row, doubt, isHome, b.endpoint, i, senderId, satp.sequence(view, at), now);
    if (isOtherGivenUp) this.#counters[Cell.tunnelChallenges + ChallengeResult.expired]!++;
    this.#counters[Cell.tunnelChallenges + ChallengeResult.sent]!++;
    this.#counters[Cell.icmpGenerated + IcmpGenerated.challenge]!++;

    if (b.verdict[i] === Verdict.pending && b.count === b.capacity) b.drop(i, DropReason.satpUnproven);
    const j = b.verdict[i] === Verdict.drop ? i : b.accept(0);
    if (j !== i) copyEndpoint(b.endpoint, i, b.endpoint, j);
    const echo = b.slot(j) + satp.PAYLOAD;
    const id = challenges.echoId[row]!;
    b.at[j] = echo;
    b.end[j] = emitChallenge(view, echo, this.#gatewayAddress, ip4(target), id, challenges.nonces, row);
    b.client[j] = row;
    b.verdict[j] = Verdict.challenge;
  }

  /** Whether the unopened datagram `i` might be the answer to the pending challenge, by its length, sender id and endpoint. */
  mayAnswer(b: PacketBatch, i: number, row: number): boolean {
    return this.#couldAnswer(b, i, row) && isSameEndpoint(this.#challenges.candidate, row, b.endpoint, i);
  }

  /**
   * Whether the opened datagram `i`, from wherever, is the answer to the pending challenge; one that comes too late ends the
   * challenge instead.
   */
  isAnswer(b: PacketBatch, i: number, row: number, payloadEnd: number, now: Instant): boolean {
    if (!this.#couldAnswer(b, i, row)) return false;
    const challenges = this.#challenges;
    if (challenges.isExpired(row, now)) {
      challenges.end(row);
      this.#counters[Cell.tunnelChallenges + ChallengeResult.expired]!++;
      return false;
    }
    const inner = b.at[i]! + satp.PAYLOAD;
    return isAnswer(b.arena.view, inner, payloadEnd, challenges.echoId[row]!, challenges.nonces, row);
  }

  /** Consumes the answer `i`: the client is alive, and has come to this number. */
  conclude(b: PacketBatch, i: number, row: number, standing: Standing, now: Instant): void {
    const challenges = this.#challenges;
    const doubt = challenges.doubt[row];
    challenges.end(row);
    b.verdict[i] = Verdict.consumed;
    // The client is not where the challenge was sent: somebody passed it on, and must not come later with a copy of the answer.
    if (!isSameEndpoint(challenges.candidate, row, b.endpoint, i)) {
      this.#counters[Cell.tunnelChallenges + ChallengeResult.expired]!++;
      return;
    }
    this.#counters[Cell.tunnelChallenges + ChallengeResult.answered]!++;
    if (doubt === Doubt.repeat) this.#lines.weighRepeat(row, challenges.senderId[row]!, challenges.sequence[row]!);
    // A client whose numbers go on where they were has not restarted: its old datagrams were replayed in its name.
    if (doubt !== Doubt.move && standing !== Standing.fresh) this.restart(b, i, row, now);
    else if (isSameEndpoint(this.#table.endpoint, row, b.endpoint, i)) this.#table.prove(row);
  }

  /** Starts the client's numbers over at that of the authentic datagram `i`, and moves its endpoint to where that came from. */
  restart(b: PacketBatch, i: number, row: number, now: Instant): void {
    const table = this.#table;
    const view = b.arena.view;
    const at = b.at[i]! as satp.SatpAt;
    this.#lines.restart(row, satp.senderId(view, at), satp.sequence(view, at), this.tagOf(b, i, row), now);
    this.#counters[Cell.tunnelRestarts]!++;
    const isKnown = table.whereabouts[row] !== Whereabouts.unknown;
    if (isKnown && !isSameEndpoint(table.endpoint, row, b.endpoint, i)) this.#counters[Cell.tunnelRoams]!++;
    table.moveTo(row, b.endpoint, i, true);
  }

  #couldAnswer(b: PacketBatch, i: number, row: number): boolean {
    const at = b.at[i]! as satp.SatpAt;
    return (
      this.#challenges.doubt[row] !== Doubt.none &&
      b.end[i]! - at === CHALLENGE_DATAGRAM + this.#table.tagLength(row) &&
      satp.senderId(b.arena.view, at) === this.#challenges.senderId[row]
    );
  }
}
