// From inner packet to datagram: the next sequence number of ours, the payload type, cipher and auth tag, and where it goes. No
// sequence number is ever used twice under one sender id; when they run out, packets are dropped rather than keystream repeated.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { Cell, type Counters } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { copyEndpoint, isSameEndpoint } from '../base/endpoint.ts';
import { Direction } from '../base/protocol.ts';
import * as satp from '../wire/satp.ts';
import { type AssociationTable, Whereabouts } from './association-table.ts';
import type { SatpCrypto } from './crypto.ts';

/** Sequence numbers of one sender id. */
export const SEQUENCE_NUMBERS = 4_294_967_296;

/** The sealing stage. */
export class Sealer {
  readonly #table: AssociationTable;
  readonly #crypto: SatpCrypto;
  readonly #counters: Counters;

  constructor(table: AssociationTable, crypto: SatpCrypto, counters: Counters) {
    this.#table = table;
    this.#crypto = crypto;
    this.#counters = counters;
  }

  /** Seals packet `i`, whose verdict is `client` or `challenge`, for its client. */
  seal(b: PacketBatch, i: number): void {
    const table = this.#table;
    const row = b.client[i]!;
    const isChallenge = b.verdict[i] === Verdict.challenge;
    // A challenge has an endpoint of its own: the client may be one that only an earlier run has heard of.
    if (!table.has(row) || (table.whereabouts[row] === Whereabouts.unknown && !isChallenge)) {
      b.drop(i, DropReason.satpNoEndpoint);
      return;
    }
    const inner = b.at[i]!;
    const type = this.#payloadType(b, inner, row);
    if (type === 0) {
      b.drop(i, DropReason.satpPayloadType);
      return;
    }
    const at = inner - satp.PAYLOAD;
    const length = b.end[i]! - at + table.tagLength(row);
    if (length > satp.MAX_DATAGRAM) {
      b.drop(i, DropReason.satpTooLong);
      return;
    }
    if (!isChallenge) copyEndpoint(table.endpoint, row, b.endpoint, i);
    if (table.whereabouts[row] === Whereabouts.unproven && isSameEndpoint(table.endpoint, row, b.endpoint, i)) {
      if (table.credit[row]! < length) {
        b.drop(i, DropReason.satpEndpointUnproven);
        return;
      }
      table.credit[row]! -= length;
    }
    const sequence = table.sequence[row]!;
    if (sequence === SEQUENCE_NUMBERS) {
      b.drop(i, DropReason.satpSequenceExhausted);
      return;
    }
    table.sequence[row] = sequence + 1;

    satp.emitHeader(b.arena.view, at, sequence, table.senderId[row]!, table.mux[row]!, type);
    b.at[i] = at;
    b.end[i] = this.#crypto.seal(b.arena, row, at, b.end[i]!);
    b.verdict[i] = Verdict.client;
    this.#counters[Cell.tunnelPackets + Direction.inbound]!++;
    this.#counters[Cell.tunnelBytes + Direction.inbound]! += length;
  }

  /** What the client's device carries, or 0 if it cannot carry this packet. */
  #payloadType(b: PacketBatch, inner: number, row: number): number {
    if (this.#table.isTap[row] === 1) return satp.PayloadType.ethernet;
    const version = b.arena.view.getUint8(inner) >>> 4;
    return version === 4 ? satp.PayloadType.ipv4 : version === 6 ? satp.PayloadType.ipv6 : 0;
  }
}
