// The first look at an inner packet: is it whole IPv4, and is it from an address that is the client's? The client is authenticated by
// now, but what it carries is as hostile as anything from the Internet.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { DropReason } from '../base/drop-reason.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';
import type { SourceTable } from './source-table.ts';

/** Refuses what is not a whole IPv4 packet of the client's own, and trims what stands behind the packet's total length. */
export const checkInner = (b: PacketBatch, sources: SourceTable): void => {
  const pkt = b.arena.view;
  for (let i = 0; i < b.count; i++) {
    if (b.verdict[i] !== Verdict.pending) continue;
    const at = b.at[i]!;
    if (b.end[i]! > at && pkt.getUint8(at) >>> 4 !== 4) {
      b.drop(i, DropReason.innerUnsupported);
      continue;
    }
    const ip = ipv4.check(pkt, at, b.end[i]!);
    if (ip === malformed) {
      b.drop(i, DropReason.innerMalformed);
      // Signed, because V8 boxes an unsigned argument wherever it does not inline the call.
    } else if (!sources.mayUse(b.client[i]!, ipv4.src(pkt, ip) | 0)) {
      b.drop(i, DropReason.innerSourceSpoofed);
    } else {
      b.end[i] = ipv4.endOf(pkt, ip);
    }
  }
};
