// A NAT with a manual clock, two batches and packets written as text: what the tests of this directory drive.

import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { Cell, type CounterName, type Counters, createCounters, dropCells } from '../../src/base/counters.ts';
import { type DropReasonName, dropReasonNames } from '../../src/base/drop-reason.ts';
import { Direction, Protocol } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { type Duration, type Instant, ManualClock, minutes, seconds } from '../../src/base/time.ts';
import { Nat44 } from '../../src/nat/nat44.ts';
import type { FilteringBehavior, NatPolicy } from '../../src/nat/policy.ts';
import { formatIp4, type Ip4, parseIp4 } from '../../src/wire/addr.ts';
import { icmpMessage, ipv4Packet, isWholePacket, tcpSegment, udpDatagram } from '../wire/packets.ts';

export const ip = (text: string): Ip4 => parseIp4(text)!;

/** `10.0.0.1:53` as numbers. */
export const endpoint = (text: string): { address: Ip4; port: number } => {
  const [address = '', port = '0'] = text.split(':');
  return { address: ip(address), port: Number(port) };
};

interface PacketOptions {
  ttl?: number;
  data?: Uint8Array;
  options?: Uint8Array;
  flagsOffset?: number;
  withChecksum?: boolean;
  id?: number;
}

const DATA = new Uint8Array([1, 2, 3, 4, 5, 6, 7]);

export const udp = (from: string, to: string, o: PacketOptions = {}): Uint8Array => {
  const s = endpoint(from);
  const d = endpoint(to);
  const payload = udpDatagram(s.address, s.port, d.address, d.port, o.data ?? DATA, o.withChecksum ?? true);
  return ipv4Packet({ ...o, src: s.address, dst: d.address, protocol: 17, payload });
};

export const tcp = (from: string, to: string, flags: number, o: PacketOptions = {}): Uint8Array => {
  const s = endpoint(from);
  const d = endpoint(to);
  const payload = tcpSegment(s.address, s.port, d.address, d.port, flags, o.data ?? new Uint8Array());
  return ipv4Packet({ ...o, src: s.address, dst: d.address, protocol: 6, payload });
};

export const icmp = (
  from: string,
  to: string,
  type: number,
  code: number,
  word: number,
  o: PacketOptions = {},
): Uint8Array =>
  ipv4Packet({
    ...o,
    src: ip(from),
    dst: ip(to),
    protocol: 1,
    payload: icmpMessage(type, code, word, o.data ?? DATA),
  });

export const echo = (from: string, to: string, id: number, sequence = 1, o: PacketOptions = {}): Uint8Array =>
  icmp(from, to, 8, 0, ((id << 16) | sequence) >>> 0, o);
export const echoReply = (from: string, to: string, id: number, sequence = 1, o: PacketOptions = {}): Uint8Array =>
  icmp(from, to, 0, 0, ((id << 16) | sequence) >>> 0, o);

/** A policy of the defaults of the configuration, small tables, and what the test says. */
export const policyWith = (
  o: {
    pool?: readonly string[];
    low?: number;
    high?: number;
    filtering?: FilteringBehavior | NatPolicy['filtering'];
    timeouts?: Partial<NatPolicy['timeouts']>;
    quota?: Partial<NatPolicy['quota']>;
    capacity?: Partial<NatPolicy['capacity']>;
  } = {},
): NatPolicy => {
  const f = o.filtering ?? 'endpoint-independent';
  return {
    pool: (o.pool ?? ['198.51.100.10']).map(ip),
    ports: { low: o.low ?? 1024, high: o.high ?? 65535 },
    filtering: typeof f === 'string' ? [f, f, f] : f,
    timeouts: {
      udp: minutes(5),
      tcpEstablished: minutes(124),
      tcpTransitory: minutes(4),
      icmp: seconds(60),
      portHoldDown: seconds(120),
      ...o.timeouts,
    },
    quota: { ports: 2048, sessions: 8192, newSessionsPerSecond: 1000, ...o.quota },
    capacity: { clients: 16, mappings: 4096, sessions: 8192, ...o.capacity },
    gatewayAddress: ip('10.99.0.1'),
  };
};

/** What became of one packet. */
export interface Outcome {
  readonly verdict: Verdict;
  /** Why it was refused, even if an ICMP error leaves in its place. */
  readonly reason: DropReasonName | undefined;
  readonly client: number;
  readonly bytes: Uint8Array;
  /** `address:port` of the packet that leaves; for ICMP echo the id is on the side that the NAT translates. */
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  /** Whether all checksums are right, by the naive twin. */
  readonly isWhole: boolean;
}

/** The parts of a packet, as text. */
export const describe = (bytes: Uint8Array): { src: string; dst: string; ttl: number } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const l4 = (bytes[0]! & 15) * 4;
  const src = formatIp4(view.getUint32(12) as Ip4);
  const dst = formatIp4(view.getUint32(16) as Ip4);
  const ttl = bytes[8]!;
  if (bytes[9] !== 1) return { src: `${src}:${view.getUint16(l4)}`, dst: `${dst}:${view.getUint16(l4 + 2)}`, ttl };
  const type = bytes[l4]!;
  if (type === 8) return { src: `${src}:${view.getUint16(l4 + 4)}`, dst, ttl };
  if (type === 0) return { src, dst: `${dst}:${view.getUint16(l4 + 4)}`, ttl };
  return { src, dst, ttl };
};

/** The packet that an ICMP error quotes. */
export const quoteOf = (bytes: Uint8Array): Uint8Array => bytes.slice((bytes[0]! & 15) * 4 + 8);

/** A NAT under test. Clients are numbers; whose addresses are whose, the rig does not check. */
export class Rig {
  readonly clock: ManualClock = new ManualClock();
  readonly counters: Counters = createCounters();
  readonly nat: Nat44;
  readonly #outbound = new PacketBatch(64, dropCells(this.counters, Direction.outbound));
  readonly #inbound = new PacketBatch(64, dropCells(this.counters, Direction.inbound));

  constructor(policy: NatPolicy = policyWith(), seed = 1) {
    this.nat = new Nat44(policy, new SeededRandom(seed), this.counters);
  }

  get now(): Instant {
    return this.clock.now();
  }

  /** One packet from a client. */
  out(client: number, packet: Uint8Array): Outcome {
    return this.outAll([[client, packet]])[0]!;
  }

  /** One packet from the Internet. */
  in(packet: Uint8Array): Outcome {
    return this.inAll([packet])[0]!;
  }

  /** A batch of packets from clients; reasons are known only for a batch of one. */
  outAll(packets: readonly (readonly [client: number, packet: Uint8Array])[]): Outcome[] {
    const b = this.#outbound;
    b.clear();
    for (const [client, packet] of packets) {
      // As opened datagrams have it: ten octets behind the slot's start.
      b.arena.bytes.set(packet, b.slot(b.count) + 10);
      const i = b.accept(packet.length + 10);
      b.at[i]! += 10;
      b.client[i] = client;
    }
    return this.#outcomes(b, () => this.nat.translateOutbound(b, this.now));
  }

  /** A batch of packets from the Internet. */
  inAll(packets: readonly Uint8Array[]): Outcome[] {
    const b = this.#inbound;
    b.clear();
    for (const packet of packets) {
      b.arena.bytes.set(packet, b.slot(b.count));
      b.accept(packet.length);
    }
    return this.#outcomes(b, () => this.nat.translateInbound(b, this.now));
  }

  /** Lets time pass and does what is due then. */
  pass(d: Duration): void {
    this.clock.advance(d);
    while (this.nat.expire(this.now, 1000) <= this.now);
  }

  /** A counter's cell. */
  count(name: CounterName, cell = 0): number {
    return this.counters[Cell[name] + cell]!;
  }

  get sessionCount(): number {
    return (
      this.count('natSessions', Protocol.udp) +
      this.count('natSessions', Protocol.tcp) +
      this.count('natSessions', Protocol.icmp)
    );
  }

  get mappingCount(): number {
    return (
      this.count('natMappings', Protocol.udp) +
      this.count('natMappings', Protocol.tcp) +
      this.count('natMappings', Protocol.icmp)
    );
  }

  #outcomes(b: PacketBatch, translate: () => void): Outcome[] {
    const before = Float64Array.from(b.drops);
    translate();
    const reason = dropReasonNames.find((_, r) => b.drops[r] !== before[r]);
    return Array.from({ length: b.count }, (_, i) => {
      const bytes = b.arena.bytes.slice(b.at[i]!, b.end[i]!);
      const isDropped = b.verdict[i] === Verdict.drop;
      const parts = isDropped ? { src: '', dst: '', ttl: 0 } : describe(bytes);
      const verdict = b.verdict[i]! as Verdict;
      return { verdict, reason, client: b.client[i]!, bytes, ...parts, isWhole: !isDropped && isWholePacket(bytes) };
    });
  }
}
