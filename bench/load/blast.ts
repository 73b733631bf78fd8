// Sends many datagrams of one size as fast as the kernel takes them, or at a rate. All of them lie side by side in one arena before
// the clock starts, so that a train of them can be handed over as one message for the kernel to cut.

import type { Arena } from '../../src/base/arena.ts';
import { Errno, errnoName } from '../../src/io/errno.ts';
import { MessageHeaders } from '../../src/io/message-headers.ts';
import { errno, sendmmsg } from '../../src/io/native.ts';
import { SockaddrIn } from '../../src/io/structs.ts';
import { type Endpoint, emitAddress } from './sockets.ts';

const MESSAGES = 64;

/** What is sent, and how. */
export interface Blast {
  readonly fd: number;
  readonly datagrams: Arena;
  /** Octets of a datagram. */
  readonly size: number;
  readonly count: number;
  /** Begins again with the first datagram when all were sent, until the time is over. */
  readonly repeat: boolean;
  /** Datagrams a message; above 1 the socket cuts messages up. */
  readonly train: number;
  /** Where the messages go in turn; empty if the socket is connected. */
  readonly destinations: readonly Endpoint[];
  /** Longest time. */
  readonly seconds: number;
  /** Datagrams a second; 0 for as many as possible. */
  readonly rate: number;
}

/** What came of it. */
export interface Blasted {
  readonly sent: number;
  readonly seconds: number;
}

/** Sends; occupies the thread until it is done. */
export const blast = (plan: Blast): Blasted => {
  const { fd, datagrams, size, count, train, rate } = plan;
  const slots = Math.max(MESSAGES, plan.destinations.length);
  const headers = new MessageHeaders(slots);
  const messages = Math.floor(count / train);
  addressMessages(headers, slots, plan.destinations);
  let sent = 0;
  const start = performance.now();
  const end = start + plan.seconds * 1000;
  let now = start;
  while (now < end && (plan.repeat || sent < messages)) {
    // A call takes neighbors among the messages and among the destinations.
    const from = sent % messages;
    const turn = sent % slots;
    const n = Math.min(MESSAGES, messages - from, slots - turn);
    for (let i = 0; i < n; i++) {
      headers.point(turn + i, datagrams.address + (from + i) * train * size, train * size);
    }
    sent += transmit(fd, headers, turn, n);
    now = performance.now();
    if (rate > 0) while (now < end && (now - start) * rate < sent * train * 1000) now = performance.now();
  }
  return { sent: sent * train, seconds: (now - start) / 1000 };
};

const transmit = (fd: number, headers: MessageHeaders, first: number, n: number): number => {
  const accepted = sendmmsg(fd, headers.address(first), n, 0);
  if (accepted >= 0) return accepted;
  const number = errno();
  // A port that nobody listens on at the moment is reported at the next call, and a full queue is the point of it all.
  if (number === Errno.EAGAIN || number === Errno.ENOBUFS || errnoName(number) === 'ECONNREFUSED') return 0;
  throw new Error(`sendmmsg: ${errnoName(number)}`);
};

const addressMessages = (headers: MessageHeaders, slots: number, destinations: readonly Endpoint[]): void => {
  for (let i = 0; i < slots; i++) {
    const to = destinations[i % destinations.length];
    if (to !== undefined) emitAddress(headers.arena.view, headers.name(i), to);
    headers.setLengths(i, to === undefined ? 0 : SockaddrIn.size, 0);
  }
};
