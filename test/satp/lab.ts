// A gateway's SATP end with a manual clock and in-memory datagrams, and a client that behaves as a stock daemon does: it counts from
// 0 at every start, follows nobody's rules, and its host answers echo requests.

import { type PacketBatch as Batch, PacketBatch, Verdict } from '../../src/base/batch.ts';
import { Cell, ChallengeResult, type Counters, createCounters, dropCells } from '../../src/base/counters.ts';
import { type DropReasonName, dropReasonNames } from '../../src/base/drop-reason.ts';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { Direction } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { type Duration, ManualClock } from '../../src/base/time.ts';
import type { AssociationSpec } from '../../src/satp/association-spec.ts';
import { type AssociationKeys, Role, type SatpCrypto } from '../../src/satp/crypto.ts';
import { createLineStore, type LineStore } from '../../src/satp/line-store.ts';
import { Satp } from '../../src/satp/satp.ts';
import { type Ip4, ip4 } from '../../src/wire/addr.ts';
import * as icmp4 from '../../src/wire/icmp4.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as naive from './naive.ts';

export const GATEWAY: Ip4 = ip4(0x0a630001);
export const CLIENT: Ip4 = ip4(0x0a630002);
const REMOTE = ip4(0xc6336402);

/** An underlay endpoint, told apart by its number. */
export const at = (n: number): Uint32Array => {
  const words = new Uint32Array(ENDPOINT_WORDS);
  words.set([0, 4444 + (n % 7), 0xc0000200 + n, 0, 0, 0, 0xcb007101]);
  return words;
};

export const keys: AssociationKeys = {
  cipher: 128,
  kdf: 128,
  auth: 'sha1',
  tagLength: 10,
  role: Role.left,
  masterKey: new Uint8Array(16).fill(0x11),
  masterSalt: new Uint8Array(14).fill(0x22),
};

export const spec: AssociationSpec = {
  name: 'alice',
  mux: 7,
  device: 'tun',
  keys,
  restart: { kind: 'challenge' },
  identity: 1,
  innerAddress: CLIENT,
};

/** An IPv4 packet of `length` octets with an echo in it. */
export const ping = (
  from: Ip4 = CLIENT,
  to: Ip4 = REMOTE,
  length = 84,
  type: 0 | 8 = icmp4.IcmpType.echoRequest,
  fill = 0,
): Buffer => {
  const packet = Buffer.alloc(length, fill);
  const view = new DataView(packet.buffer, packet.byteOffset, length);
  icmp4.emitEcho(view, ipv4.HEADER_MIN, length, type, 1, fill);
  ipv4.emit(view, 0, length, 0, 64, 1, from, to);
  return packet;
};

/** What {@link Gateway.receive} made of some datagrams. */
export interface Step {
  readonly delivered: readonly Buffer[];
  readonly drops: readonly DropReasonName[];
  readonly sent: readonly { readonly to: Uint32Array; readonly datagram: Buffer }[];
}

/** A datagram and where it comes from. */
export interface Arrival {
  readonly datagram: Uint8Array;
  readonly from: Uint32Array;
}

export interface GatewayOptions {
  readonly spec?: Partial<AssociationSpec>;
  readonly replayWindow?: number;
  readonly crypto?: SatpCrypto;
  readonly batch?: number;
  /** What an earlier gateway remembered. */
  readonly lines?: LineStore;
}

export class Gateway {
  readonly clock: ManualClock = new ManualClock();
  readonly counters: Counters = createCounters();
  readonly crypto: SatpCrypto;
  readonly satp: Satp;
  readonly lines: LineStore;
  readonly spec: AssociationSpec;
  readonly #batch: Batch;

  constructor(options: GatewayOptions = {}) {
    this.crypto = options.crypto ?? new naive.NaiveCrypto();
    this.#batch = new PacketBatch(options.batch ?? 8, dropCells(this.counters, Direction.outbound));
    this.lines = options.lines ?? createLineStore(4, 2 ** 12, new SeededRandom(43));
    this.satp = new Satp({
      capacity: 4,
      replayWindow: options.replayWindow ?? 64,
      gatewayAddress: GATEWAY,
      crypto: this.crypto,
      random: new SeededRandom(42),
      counters: this.counters,
      lines: this.lines,
    });
    this.spec = { ...spec, ...options.spec };
    this.satp.add(0, this.spec, 900);
  }

  pass(time: Duration): void {
    this.clock.advance(time);
  }

  /** Opens and seals one batch. */
  receive(...arrivals: readonly Arrival[]): Step {
    const b = this.#batch;
    const before = [...b.drops];
    b.clear();
    for (const { datagram, from } of arrivals) {
      const i = b.accept(datagram.length);
      b.arena.bytes.set(datagram, b.slot(i));
      b.endpoint.set(from, i * ENDPOINT_WORDS);
    }
    this.satp.open(b, this.clock.now());
    const delivered: Buffer[] = [];
    for (let i = 0; i < b.count; i++) if (b.verdict[i] === Verdict.pending) delivered.push(this.#octets(b, i));
    this.satp.seal(b);
    return { delivered, ...this.#results(b, before) };
  }

  /** Sends an inner packet to the client in row 0. */
  send(inner: Uint8Array): Step {
    const b = this.#batch;
    const before = [...b.drops];
    b.clear();
    const i = b.accept(inner.length);
    b.arena.bytes.set(inner, b.slot(i));
    b.client[i] = 0;
    b.verdict[i] = Verdict.client;
    this.satp.seal(b);
    return { delivered: [], ...this.#results(b, before) };
  }

  count(name: 'tunnelRoams' | 'tunnelRestarts'): number {
    return this.counters[Cell[name]]!;
  }

  challenges(result: keyof typeof ChallengeResult): number {
    return this.counters[Cell.tunnelChallenges + ChallengeResult[result]]!;
  }

  get endpoint(): Uint32Array | undefined {
    return this.satp.view(0)?.endpoint;
  }

  get isProven(): boolean {
    return this.satp.view(0)?.proven === true;
  }

  #octets(b: Batch, i: number): Buffer {
    return Buffer.from(b.arena.bytes.slice(b.at[i], b.end[i]));
  }

  #results(b: Batch, before: readonly number[]): Pick<Step, 'drops' | 'sent'> {
    const drops = dropReasonNames.flatMap((name, r) => new Array<DropReasonName>(b.drops[r]! - before[r]!).fill(name));
    const sent: { to: Uint32Array; datagram: Buffer }[] = [];
    for (let i = 0; i < b.count; i++) {
      if (b.verdict[i] !== Verdict.client) continue;
      const to = b.endpoint.slice(i * ENDPOINT_WORDS, (i + 1) * ENDPOINT_WORDS);
      sent.push({ to, datagram: this.#octets(b, i) });
    }
    return { drops, sent };
  }
}

/** A stock daemon and its host. */
export class Client {
  readonly mux: number;
  readonly keys: AssociationKeys;
  senderId = 0;
  sequence = 0;

  constructor(mux: number = spec.mux, clientKeys: AssociationKeys = keys) {
    this.mux = mux;
    this.keys = clientKeys;
  }

  /** The daemon starts anew, as a stock one does. */
  restart(): void {
    this.sequence = 0;
  }

  /** Seals `inner`, or another plaintext, as the next datagram, or with the given number. */
  datagram(inner: Uint8Array = ping(), sequence: number = this.sequence++, type = 0x0800): Buffer {
    const plaintext = Buffer.concat([Buffer.from([type >>> 8, type & 255]), inner]);
    return this.seal(plaintext, sequence);
  }

  seal(plaintext: Buffer, sequence: number): Buffer {
    const sender = this.keys.role === Role.left ? 'right' : 'left';
    return naive.seal({ keys: this.keys, sender }, naive.header(sequence, this.senderId, this.mux), plaintext);
  }

  /** The inner packet in a datagram from the gateway. */
  open(datagram: Buffer): Buffer {
    const sender = this.keys.role === Role.left ? 'left' : 'right';
    const plaintext = naive.open({ keys: this.keys, sender }, datagram);
    if (plaintext === undefined) throw new Error('the gateway sent a datagram that does not verify');
    return plaintext.subarray(2);
  }

  /** The host's answer to what came in `datagram`, sealed; undefined if it is no echo request. */
  answer(datagram: Buffer, sequence: number = this.sequence++): Buffer | undefined {
    const packet = Buffer.from(this.open(datagram));
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const ip = ipv4.check(view, 0, packet.length);
    if (ip === -1 || ipv4.protocol(view, ip) !== 1) return undefined;
    const icmp = icmp4.check(view, ipv4.payloadAt(view, ip), packet.length);
    if (icmp === -1 || icmp4.type(view, icmp) !== icmp4.IcmpType.echoRequest) return undefined;
    if (!icmp4.isChecksumRight(view, icmp, packet.length)) return undefined;
    ipv4.swapAddresses(view, ip);
    icmp4.rewriteType(view, icmp, icmp4.IcmpType.echoReply);
    return this.datagram(packet, sequence);
  }
}
