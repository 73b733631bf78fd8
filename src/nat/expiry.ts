// Idle expiry. Every session is on the list of its timeout class; a class has one timeout, so a list in order of last use is in order
// of expiry and only its head need be looked at. A refresh within a 64th of the timeout since the last one does not move the session
// in the list: busy sessions would pay for nothing. The price is that a session may go that 64th late, never early.

import { after, type Instant, milliseconds, NEVER } from '../base/time.ts';
import type { NatPolicy } from './policy.ts';
import { NO_ROW } from './row-lists.ts';
import type { SessionTable } from './session-table.ts';
import { TcpState } from './tcp-state.ts';

/** Kinds of idleness, each with its own timeout and list. */
export const TimeoutClass = {
  udp: 0,
  icmp: 1,
  /** RFC 7857 §2.2: separate from `tcpClosing`, though the configuration has one value for both yet. */
  tcpOpening: 2,
  tcpEstablished: 3,
  tcpClosing: 4,
} as const;
export type TimeoutClass = (typeof TimeoutClass)[keyof typeof TimeoutClass];
/** How many classes there are. */
export const TIMEOUT_CLASSES = 5;

const SLACK = 1 / 64;

/** The class of a TCP session in `state`: half-closed connections count as established (RFC 6146 §3.5.2.2). */
export const timeoutClassOf = (state: TcpState): TimeoutClass => {
  switch (state) {
    case TcpState.outboundSyn:
    case TcpState.inboundSyn:
      return TimeoutClass.tcpOpening;
    case TcpState.established:
    case TcpState.outboundFin:
    case TcpState.inboundFin:
      return TimeoutClass.tcpEstablished;
    case TcpState.bothFin:
    case TcpState.reset:
      return TimeoutClass.tcpClosing;
  }
};

/** When sessions expire. */
export class Expiry {
  readonly #sessions: SessionTable;
  readonly #timeouts: Float64Array = new Float64Array(TIMEOUT_CLASSES);

  constructor(sessions: SessionTable, timeouts: NatPolicy['timeouts']) {
    this.#sessions = sessions;
    this.adjust(timeouts);
  }

  /** Changes the timeouts, for existing sessions as well: what is kept is when they were used, not when they expire. */
  adjust(timeouts: NatPolicy['timeouts']): void {
    this.#timeouts[TimeoutClass.udp] = timeouts.udp;
    this.#timeouts[TimeoutClass.icmp] = timeouts.icmp;
    this.#timeouts[TimeoutClass.tcpOpening] = timeouts.tcpTransitory;
    this.#timeouts[TimeoutClass.tcpEstablished] = timeouts.tcpEstablished;
    this.#timeouts[TimeoutClass.tcpClosing] = timeouts.tcpTransitory;
  }

  /** Starts the idle time of a session that is on no list. */
  enlist(row: number, timeoutClass: TimeoutClass, now: Instant): void {
    const s = this.#sessions;
    s.setTimeoutClass(row, timeoutClass);
    s.setUsedAt(row, now);
    s.setListedAt(row, now);
    s.expiryLists.append(timeoutClass, row);
  }

  /** Starts the idle time of a listed session anew, in the class it now belongs to. */
  refresh(row: number, timeoutClass: TimeoutClass, now: Instant): void {
    const s = this.#sessions;
    const before = s.timeoutClass(row);
    s.setUsedAt(row, now);
    if (before === timeoutClass && now - s.listedAt(row) < this.#timeouts[timeoutClass]! * SLACK) return;
    s.expiryLists.remove(before, row);
    s.expiryLists.append(timeoutClass, row);
    s.setTimeoutClass(row, timeoutClass);
    s.setListedAt(row, now);
  }

  /** Takes a session off its list. */
  delist(row: number): void {
    this.#sessions.expiryLists.remove(this.#sessions.timeoutClass(row), row);
  }

  /** When the session expires if nothing more comes. */
  expiresAt(row: number): Instant {
    return after(this.#sessions.usedAt(row), milliseconds(this.#timeouts[this.#sessions.timeoutClass(row)]!));
  }

  /** A session that has expired, or `NO_ROW`; it stays on its list. */
  firstExpired(now: Instant): number {
    for (let c = 0; c < TIMEOUT_CLASSES; c++) {
      const row = this.#sessions.expiryLists.first(c);
      if (row !== NO_ROW && this.#sessions.usedAt(row) + this.#timeouts[c]! <= now) return row;
    }
    return NO_ROW;
  }

  /** When {@link firstExpired} may next find one; {@link NEVER} without sessions. */
  nextExpiry(): Instant {
    let next: Instant = NEVER;
    for (let c = 0; c < TIMEOUT_CLASSES; c++) {
      const row = this.#sessions.expiryLists.first(c);
      if (row === NO_ROW) continue;
      const due = this.expiresAt(row);
      if (due < next) next = due;
    }
    return next;
  }
}
