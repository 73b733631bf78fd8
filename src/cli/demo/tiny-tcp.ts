// One TCP connection of a scripted host: handshake, data in order, and an orderly end (RFC 9293 §3.5, §3.6). It knows neither loss nor
// reordering, because the demonstration's links have none; what does not follow in order is an error.

import { TcpFlag } from '../../wire/tcp.ts';
import type { Segment } from './packets.ts';

/** Octets of payload a segment carries at the most. */
const SEGMENT_SIZE = 1200;
const NOTHING = new Uint8Array(0);
const { syn: SYN, ack: ACK, fin: FIN, psh: PSH, rst: RST } = TcpFlag;

/** What a connection is given to work with. */
export interface TcpUser {
  /** Puts a segment on the wire. */
  send(segment: Segment): void;
  /** The other side has sent more; `text` is everything so far. */
  onText(connection: TinyTcp, text: string): void;
}

/** One end of a connection. */
export class TinyTcp {
  readonly #user: TcpUser;
  #state: 'listen' | 'syn-sent' | 'syn-received' | 'established' | 'closed' = 'listen';
  #sendNext: number;
  #receiveNext = 0;
  #acknowledged: number;
  #text = '';
  #waiting: string | undefined;
  #finSent = false;
  #finReceived = false;

  /** A connection in state LISTEN; `initial` is its initial sequence number. */
  constructor(user: TcpUser, initial: number) {
    this.#user = user;
    this.#sendNext = initial >>> 0;
    this.#acknowledged = initial >>> 0;
  }

  /** Opens the connection and sends `text` when it is open. */
  connect(text: string): void {
    this.#waiting = text;
    this.#state = 'syn-sent';
    this.#send(SYN, NOTHING);
  }

  /** Sends `text`, and then closes this direction if `close`. */
  write(text: string, close = false): void {
    const octets = new TextEncoder().encode(text);
    for (let at = 0; at < octets.length; at += SEGMENT_SIZE) {
      this.#send(PSH | ACK, octets.subarray(at, at + SEGMENT_SIZE));
    }
    if (close) this.close();
  }

  /** Closes this direction. */
  close(): void {
    if (this.#finSent) return;
    this.#finSent = true;
    this.#send(FIN | ACK, NOTHING);
  }

  /** Everything the other side has sent so far. */
  get text(): string {
    return this.#text;
  }

  /** Whether both sides have closed, and each knows it. */
  get isDone(): boolean {
    return this.#finSent && this.#finReceived && this.#acknowledged === this.#sendNext;
  }

  /** Takes a segment from the other side. Throws for what does not follow from what was before. */
  receive(s: Segment): void {
    if (s.flags & RST) throw new Error('a TCP connection was reset');
    if (this.#state === 'listen' || this.#state === 'syn-sent') {
      this.#receiveSyn(s);
      return;
    }
    if (s.sequence !== this.#receiveNext) throw new Error('a TCP segment is not the one that was due');
    if (s.flags & ACK) this.#acknowledged = s.acknowledgment;
    if (this.#state === 'syn-received') this.#state = 'established';
    const octets = s.data.length + (s.flags & FIN ? 1 : 0);
    this.#receiveNext = (this.#receiveNext + octets) >>> 0;
    if (octets > 0) this.#send(ACK, NOTHING);
    if (s.data.length > 0) {
      this.#text += new TextDecoder().decode(s.data);
      this.#user.onText(this, this.#text);
    }
    if (s.flags & FIN) {
      this.#finReceived = true;
      this.close();
    }
  }

  #receiveSyn(s: Segment): void {
    if (!(s.flags & SYN)) throw new Error('a TCP segment opens nothing and belongs to no connection');
    this.#receiveNext = (s.sequence + 1) >>> 0;
    if (this.#state === 'listen') {
      this.#state = 'syn-received';
      this.#send(SYN | ACK, NOTHING);
      return;
    }
    if (!(s.flags & ACK) || s.acknowledgment !== this.#sendNext) throw new Error('a SYN was not acknowledged');
    this.#acknowledged = s.acknowledgment;
    this.#state = 'established';
    this.#send(ACK, NOTHING);
    if (this.#waiting !== undefined) this.write(this.#waiting);
  }

  #send(flags: number, data: Uint8Array): void {
    const sequence = this.#sendNext;
    this.#sendNext = (sequence + data.length + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
    this.#user.send({ flags, sequence, acknowledgment: this.#receiveNext, data });
  }
}
