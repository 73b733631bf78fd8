// From datagram to inner packet. What is cheap comes first: a stranger's datagram costs no cryptography and leaves no state. What
// the number lines let pass is opened, entered, and may move the client's endpoint; what they do not is a replay or a client that
// has restarted, which a challenge tells apart (prove.ts). Nothing here answers anybody but a client whose keys were proved.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { Cell, type Counters } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { isSameEndpoint } from '../base/endpoint.ts';
import { Direction } from '../base/protocol.ts';
import type { Instant } from '../base/time.ts';
import { malformed } from '../wire/malformed.ts';
import * as satp from '../wire/satp.ts';
import { type AssociationTable, NO_ROW, Restart, Whereabouts } from './association-table.ts';
import { Doubt } from './challenge-table.ts';
import { BAD_TAG, type SatpCrypto } from './crypto.ts';
import { NO_LINE, type NumberLines, Standing } from './number-lines.ts';
import type { Prover } from './prove.ts';

/** Octets of the longest datagram looked at: a daemon whose device has a large MTU sends the auth tag beyond the maximum. */
const LONGEST = satp.MAX_DATAGRAM + 20;

/** The opening stage. */
export class Opener {
  readonly #table: AssociationTable;
  readonly #lines: NumberLines;
  readonly #crypto: SatpCrypto;
  readonly #counters: Counters;
  readonly #prover: Prover;

  constructor(table: AssociationTable, lines: NumberLines, prover: Prover, crypto: SatpCrypto, counters: Counters) {
    this.#table = table;
    this.#lines = lines;
    this.#crypto = crypto;
    this.#counters = counters;
    this.#prover = prover;
  }

  /** Opens datagram `i`, which is pending. */
  open(b: PacketBatch, i: number, now: Instant): void {
    const view = b.arena.view;
    const end = b.end[i]!;
    const at = satp.check(view, b.at[i]!, end, 0);
    if (at === malformed) {
      b.drop(i, DropReason.satpTruncated);
      return;
    }
    const table = this.#table;
    const row = table.rowOf(satp.mux(view, at));
    if (row === NO_ROW) {
      b.drop(i, DropReason.satpUnknownMux);
      return;
    }
    const tagLength = table.tagLength(row);
    if (end - at < satp.HEADER + tagLength || end - at > LONGEST) {
      b.drop(i, DropReason.satpTruncated);
      return;
    }

    const senderId = satp.senderId(view, at);
    const sequence = satp.sequence(view, at);
    const tag = this.#prover.tagOf(b, i, row);
    const isHome = table.whereabouts[row] !== Whereabouts.unknown && isSameEndpoint(table.endpoint, row, b.endpoint, i);
    const isProven = isHome && table.whereabouts[row] === Whereabouts.proven;
    const line = this.#lines.find(row, senderId);
    const standing = this.#lines.judge(row, line, senderId, sequence, tag, isProven);
    if (standing < Standing.late) {
      this.#doubt(b, i, row, line, standing, isHome, now);
      return;
    }

    const payloadEnd = this.#crypto.open(b.arena, row, at, end);
    if (payloadEnd === BAD_TAG) {
      b.drop(i, DropReason.satpBadTag);
      return;
    }
    this.#lines.accept(row, line, senderId, sequence, tag, now);
    this.#count(row, end - at, now);
    this.#follow(b, i, row, standing === Standing.fresh, isHome);
    if (this.#prover.isAnswer(b, i, row, payloadEnd, now)) {
      this.#prover.conclude(b, i, row, standing, now);
      return;
    }
    // Without a replay window, only a challenge can move the endpoint to where old numbers come from.
    const isSettled = table.whereabouts[row] === Whereabouts.proven && (isHome || this.#lines.hasWindow);
    if (!isSettled) this.#prover.question(b, i, row, payloadEnd, now);
    if (b.verdict[i] === Verdict.pending) this.#deliver(b, i, row, payloadEnd);
  }

  #count(row: number, octets: number, now: Instant): void {
    this.#table.heardAt[row] = now;
    this.#counters[Cell.tunnelPackets + Direction.outbound]!++;
    this.#counters[Cell.tunnelBytes + Direction.outbound]! += octets;
  }

  /** Moves the endpoint to where a datagram newer than all others came from. */
  #follow(b: PacketBatch, i: number, row: number, isFresh: boolean, isHome: boolean): void {
    const table = this.#table;
    if (isHome) return;
    const isKnown = table.whereabouts[row] !== Whereabouts.unknown;
    if (!isKnown) {
      table.moveTo(row, b.endpoint, i, true);
      return;
    }
    if (!isFresh) return;
    const isTrusted = table.restart[row] !== Restart.challenge || isSameEndpoint(table.proven, row, b.endpoint, i);
    table.moveTo(row, b.endpoint, i, isTrusted);
    this.#counters[Cell.tunnelRoams]!++;
  }

  #deliver(b: PacketBatch, i: number, row: number, payloadEnd: number): void {
    const view = b.arena.view;
    const at = b.at[i]! as satp.SatpAt;
    const inner = at + satp.PAYLOAD;
    if (payloadEnd <= inner) {
      b.drop(i, DropReason.satpNoPayload);
      return;
    }
    const type = satp.payloadType(view, at);
    const version = view.getUint8(inner) >>> 4;
    const isFitting =
      this.#table.isTap[row] === 1
        ? type === satp.PayloadType.ethernet
        : (type === satp.PayloadType.ipv4 && version === 4) || (type === satp.PayloadType.ipv6 && version === 6);
    if (!isFitting) {
      b.drop(i, DropReason.satpPayloadType);
      return;
    }
    b.client[i] = row;
    b.at[i] = inner;
    b.end[i] = payloadEnd;
  }

  /** Deals with a datagram whose number must not simply be accepted: drops it, and perhaps challenges who sent it. */
  #doubt(
    b: PacketBatch,
    i: number,
    row: number,
    line: number,
    standing: Standing,
    isHome: boolean,
    now: Instant,
  ): void {
    const reason = standing === Standing.contested ? DropReason.satpUnproven : DropReason.satpReplayed;
    const policy = this.#table.restart[row]!;
    if (policy === Restart.strict) {
      b.drop(i, reason);
      return;
    }
    if (policy === Restart.afterSilence) {
      this.#afterSilence(b, i, row, line, reason, now);
      return;
    }
    const mayAnswer = this.#prover.mayAnswer(b, i, row);
    if (!mayAnswer && !this.#prover.mayChallenge(b, i, row, isHome, now)) {
      b.drop(i, reason);
      return;
    }

    const payloadEnd = this.#crypto.open(b.arena, row, b.at[i]!, b.end[i]!);
    if (payloadEnd === BAD_TAG) {
      b.drop(i, DropReason.satpBadTag);
      return;
    }
    if (this.#prover.isAnswer(b, i, row, payloadEnd, now)) {
      this.#count(row, b.end[i]! - b.at[i]!, now);
      this.#prover.conclude(b, i, row, standing, now);
      return;
    }
    b.drop(i, DropReason.satpUnproven);
    if (mayAnswer && !this.#prover.mayChallenge(b, i, row, isHome, now)) return;
    this.#prover.challenge(
      b,
      i,
      row,
      payloadEnd,
      standing === Standing.repeated ? Doubt.repeat : Doubt.restart,
      isHome,
      now,
    );
  }

  /** The weaker rule for hosts that answer no echo: what is authentic after a silence starts the line over. */
  #afterSilence(b: PacketBatch, i: number, row: number, line: number, reason: DropReason, now: Instant): void {
    const table = this.#table;
    const quietSince = this.#lines.advancedAt[line === NO_LINE ? this.#lines.leastRecent(row) : line]!;
    if (now - quietSince < table.silence[row]!) {
      b.drop(i, reason);
      return;
    }
    const payloadEnd = this.#crypto.open(b.arena, row, b.at[i]!, b.end[i]!);
    if (payloadEnd === BAD_TAG) {
      b.drop(i, DropReason.satpBadTag);
      return;
    }
    this.#count(row, b.end[i]! - b.at[i]!, now);
    this.#prover.restart(b, i, row, now);
    this.#deliver(b, i, row, payloadEnd);
  }
}
