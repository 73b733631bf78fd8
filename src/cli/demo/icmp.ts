// ICMP echo without the command `ping`, which a bare machine need not have: requests sent and answers counted, and the requests of
// others noticed, both over a raw socket. The host's kernel answers requests; nothing here does.

import { setTimeout as sleep } from 'node:timers/promises';
import { PacketBatch, Verdict } from '../../base/batch.ts';
import { createCounters, dropCells } from '../../base/counters.ts';
import { ENDPOINT_WORDS, EndpointWord } from '../../base/endpoint.ts';
import { Direction } from '../../base/protocol.ts';
import { openIcmpSocket } from '../../io/icmp-socket.ts';
import { UdpQueue } from '../../io/udp-queue.ts';
import type { Ip4 } from '../../wire/addr.ts';
import * as icmp4 from '../../wire/icmp4.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { malformed } from '../../wire/malformed.ts';

const BATCH = 16;
const LOOK_EVERY_MS = 5;
const DATA_LENGTH = 56;

/** An echo request or reply that arrived. */
export interface Echo {
  readonly isReply: boolean;
  readonly from: Ip4;
  readonly id: number;
  readonly sequence: number;
}

/** How an exchange of echoes went. */
export interface PingResult {
  readonly sent: number;
  readonly answered: number;
}

const newBatch = (): PacketBatch => new PacketBatch(BATCH, dropCells(createCounters(), Direction.inbound));

/** The echo in slot `i`, or nothing if it is another message or spoiled. */
const echoAt = (b: PacketBatch, i: number): Echo | undefined => {
  const pkt = b.arena.view;
  const ip = ipv4.check(pkt, b.at[i]!, b.end[i]!);
  if (ip === malformed) return undefined;
  const icmp = icmp4.check(pkt, ipv4.payloadAt(pkt, ip), ipv4.endOf(pkt, ip));
  if (icmp === malformed || !icmp4.isChecksumRight(pkt, icmp, ipv4.endOf(pkt, ip))) return undefined;
  const type = icmp4.type(pkt, icmp);
  if (!icmp4.isEcho(type)) return undefined;
  return {
    isReply: type === icmp4.IcmpType.echoReply,
    from: ipv4.src(pkt, ip),
    id: icmp4.echoId(pkt, icmp),
    sequence: icmp4.echoSequence(pkt, icmp),
  };
};

/** A raw socket and a batch to use it with. */
class EchoSocket {
  readonly #socket = openIcmpSocket();
  readonly #queue = new UdpQueue(this.#socket.fd, this.#socket.family, 0);
  readonly #batch = newBatch();

  send(to: Ip4, id: number, sequence: number): void {
    const b = this.#batch;
    b.clear();
    const i = b.accept(icmp4.HEADER + DATA_LENGTH);
    b.arena.bytes.fill(0x61, b.at[i]!, b.end[i]!);
    icmp4.emitEcho(b.arena.view, b.at[i]!, b.end[i]!, icmp4.IcmpType.echoRequest, id, sequence);
    b.endpoint.fill(0, i * ENDPOINT_WORDS, (i + 1) * ENDPOINT_WORDS);
    b.endpoint[i * ENDPOINT_WORDS + EndpointWord.remoteAddress] = to;
    b.verdict[i] = Verdict.client;
    this.#queue.send(b);
  }

  receive(): Echo[] {
    const b = this.#batch;
    b.clear();
    this.#queue.receive(b);
    const echoes: Echo[] = [];
    for (let i = 0; i < b.count; i++) {
      const echo = echoAt(b, i);
      if (echo !== undefined) echoes.push(echo);
    }
    return echoes;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Sends `count` echo requests to `to`, each after the answer to the one before or after `patience` milliseconds. */
export const ping = async (to: Ip4, count: number, patience: number): Promise<PingResult> => {
  const socket = new EchoSocket();
  const id = process.pid & 0xffff;
  let answered = 0;
  try {
    for (let sequence = 1; sequence <= count; sequence++) {
      socket.send(to, id, sequence);
      const end = performance.now() + patience;
      for (let waiting = true; waiting && performance.now() < end; ) {
        const isAnswer = (e: Echo): boolean => e.isReply && e.from === to && e.id === id && e.sequence === sequence;
        waiting = !socket.receive().some(isAnswer);
        if (waiting) await sleep(LOOK_EVERY_MS);
        else answered++;
      }
    }
  } finally {
    socket.close();
  }
  return { sent: count, answered };
};

/** Calls `onRequest` for every echo request that reaches this host, until the process ends. */
export const watchEchoRequests = (onRequest: (echo: Echo) => void): void => {
  const socket = new EchoSocket();
  setInterval(() => {
    for (const echo of socket.receive()) if (!echo.isReply) onRequest(echo);
  }, LOOK_EVERY_MS);
};
