// A fuzz target: any octets at all as datagrams for a gateway with one client of each kind. It throws if a datagram vanishes without
// being counted, or if one is delivered; there is no way to make a valid one without the keys.

import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { Cell, type Counters, createCounters, dropCells } from '../../src/base/counters.ts';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { Direction } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { ManualClock, milliseconds } from '../../src/base/time.ts';
import { OpensslCrypto } from '../../src/io/openssl-crypto.ts';
import type { AssociationSpec } from '../../src/satp/association-spec.ts';
import { createLineStore } from '../../src/satp/line-store.ts';
import { PacketCrypto } from '../../src/satp/packet-crypto.ts';
import { Satp } from '../../src/satp/satp.ts';
import { at, Client, GATEWAY, keys, ping, spec } from './lab.ts';

const kinds: readonly AssociationSpec[] = [
  { ...spec, mux: 7 },
  { ...spec, mux: 8, restart: { kind: 'strict' } },
  { ...spec, mux: 9, restart: { kind: 'after-silence', silence: milliseconds(0) } },
  { ...spec, mux: 10, device: 'tap' },
  { ...spec, mux: 11, keys: { ...keys, cipher: 256, tagLength: 20 } },
  { ...spec, mux: 12, keys: { ...keys, cipher: 0, kdf: 0, tagLength: 8 } },
];

/** The gateway under fire. */
export class Target {
  readonly counters: Counters = createCounters();
  readonly #satp: Satp;
  readonly #batch: PacketBatch;
  readonly #clock = new ManualClock();

  constructor() {
    this.#batch = new PacketBatch(64, dropCells(this.counters, Direction.outbound));
    this.#satp = new Satp({
      capacity: kinds.length,
      replayWindow: 1024,
      gatewayAddress: GATEWAY,
      crypto: new PacketCrypto(new OpensslCrypto(), kinds.length),
      random: new SeededRandom(1),
      counters: this.counters,
      lines: createLineStore(kinds.length, 2 ** 10, new SeededRandom(2)),
    });
    for (const [row, kind] of kinds.entries()) this.#satp.add(row, kind, 1);
  }

  /** Every client sends some valid datagrams, so that there is state to attack; returns others that were not sent. */
  warmUp(): Buffer[] {
    const unsent: Buffer[] = [];
    for (const kind of kinds) {
      const client = new Client(kind.mux, kind.keys);
      const sent = Array.from({ length: 20 }, () => client.datagram(ping()));
      this.#run(sent, 1);
      for (const length of [28, 84, 200, 1400]) {
        for (const sequence of [3, 19, 20, 500, 5_000_000])
          unsent.push(client.datagram(ping(undefined, undefined, length), sequence));
      }
    }
    return unsent;
  }

  /** Fires `datagrams` in batches of 63, so that there is a slot left for a challenge. */
  fire(datagrams: readonly Uint8Array[], from: number): void {
    for (let n = 0; n < datagrams.length; n += 63) this.#attack(datagrams.slice(n, n + 63), from);
  }

  #attack(datagrams: readonly Uint8Array[], from: number): void {
    const before = this.#dropped();
    const b = this.#run(datagrams, from);
    const dropped = this.#dropped() - before;
    if (dropped !== datagrams.length) throw new Error(`${datagrams.length} datagrams, ${dropped} counted as dropped`);
    for (let i = 0; i < b.count; i++)
      if (b.verdict[i] !== Verdict.drop) throw new Error('a forged datagram had an effect');
  }

  #run(datagrams: readonly Uint8Array[], from: number): PacketBatch {
    const b = this.#batch;
    b.clear();
    for (const datagram of datagrams) {
      const i = b.accept(Math.min(2048, datagram.length));
      b.arena.bytes.set(datagram.subarray(0, 2048), b.slot(i));
      b.endpoint.set(at(from), i * ENDPOINT_WORDS);
    }
    this.#satp.open(b, this.#clock.advance(milliseconds(100)));
    return b;
  }

  #dropped(): number {
    const drops = dropCells(this.counters, Direction.outbound);
    return drops.reduce((sum, n) => sum + n, 0);
  }

  /** Authentic datagrams so far. */
  get authentic(): number {
    return this.counters[Cell.tunnelPackets + Direction.outbound]!;
  }
}
