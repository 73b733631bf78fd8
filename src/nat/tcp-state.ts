// The states of a TCP session as a NAT sees them: RFC 7857 §2 on the machine of RFC 6146 §3.5.2. A total function of state, flags and
// direction; what no line names stays put. Sequence numbers are not tracked, so a forged RST must do no harm: it only shortens the
// idle timeout, and the next segment of a live connection undoes it.

import { Direction } from '../base/protocol.ts';
import { TcpFlag } from '../wire/tcp.ts';

/** Where a session is in the life of its connection. */
export const TcpState = {
  /** The client sent a SYN. */
  outboundSyn: 0,
  /** A remote endpoint sent a SYN; the client has said nothing. */
  inboundSyn: 1,
  /** Both sent a SYN. */
  established: 2,
  /** The client sent a FIN. */
  outboundFin: 3,
  /** The remote endpoint sent a FIN. */
  inboundFin: 4,
  /** Both sent a FIN. */
  bothFin: 5,
  /** A RST was seen after both had sent a SYN. */
  reset: 6,
} as const;
export type TcpState = (typeof TcpState)[keyof typeof TcpState];
/** Names of {@link TcpState} in the order of their numbers. */
export const tcpStateNames: readonly string[] = Object.keys(TcpState);

/** Whether the segment opens a connection: SYN, and neither ACK nor RST nor FIN (RFC 9293 §3.5). */
export const isOpening = (flags: number): boolean =>
  (flags & (TcpFlag.syn | TcpFlag.ack | TcpFlag.rst | TcpFlag.fin)) === TcpFlag.syn;

const reopened = (direction: Direction): TcpState =>
  direction === Direction.outbound ? TcpState.outboundSyn : TcpState.inboundSyn;

/** The state after a segment with `flags` went in `direction`. */
export const next = (state: TcpState, flags: number, direction: Direction): TcpState => {
  const outbound = direction === Direction.outbound;
  switch (state) {
    // A RST does not leave the opening states: from `reset` any segment leads to `established`, with a timeout of hours, and a
    // stranger alone must never get there.
    case TcpState.outboundSyn:
      return !outbound && flags & TcpFlag.syn && !(flags & TcpFlag.rst) ? TcpState.established : state;
    case TcpState.inboundSyn:
      return outbound && flags & TcpFlag.syn && !(flags & TcpFlag.rst) ? TcpState.established : state;
    case TcpState.established:
      if (flags & TcpFlag.rst) return TcpState.reset;
      if (flags & TcpFlag.fin) return outbound ? TcpState.outboundFin : TcpState.inboundFin;
      return state;
    case TcpState.outboundFin:
      if (flags & TcpFlag.rst) return TcpState.reset;
      return flags & TcpFlag.fin && !outbound ? TcpState.bothFin : state;
    case TcpState.inboundFin:
      if (flags & TcpFlag.rst) return TcpState.reset;
      return flags & TcpFlag.fin && outbound ? TcpState.bothFin : state;
    // RFC 6146 lets nothing leave this state but time. A client that uses the same endpoints again within four minutes would then
    // have its new connection cut, so a SYN begins anew.
    case TcpState.bothFin:
      return isOpening(flags) ? reopened(direction) : state;
    case TcpState.reset:
      if (flags & TcpFlag.rst) return state;
      return isOpening(flags) ? reopened(direction) : TcpState.established;
  }
};

/**
 * Whether a segment that leaves `state` as it is puts off the session's expiry. RSTs never do (RFC 7857 §7.1), nor does anything
 * while the connection closes; an unanswered SYN is refreshed by the client's own repetitions of it, for a remote endpoint's SYN does
 * not leave that state as it is, and one that a stranger sent is not refreshed at all.
 */
export const isRefreshedBy = (state: TcpState, flags: number): boolean => {
  switch (state) {
    case TcpState.outboundSyn:
      return isOpening(flags);
    case TcpState.established:
    case TcpState.outboundFin:
    case TcpState.inboundFin:
      return !(flags & TcpFlag.rst);
    case TcpState.inboundSyn:
    case TcpState.bothFin:
    case TcpState.reset:
      return false;
  }
};
