// The Internet checksum: the one's complement of the one's complement sum of 16-bit words (RFC 1071), and how to mend it when a
// word changes without reading the rest (RFC 1624). Sums fit an int32 for any packet up to 65,535 octets.

import type { Brand } from '../base/brand.ts';

/** RFC 1624 §3: the amount by which the sum of words changes. Computed once per mapping, applied to every packet. */
export type CsumDelta = Brand<number, 'CsumDelta'>;

/** Folds the carries of `sum` (below 2^32) into 16 bits. */
export const fold = (sum: number): number => {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
};

/**
 * The unfolded sum of the big-endian words in `[at, end)`; an odd last octet counts as the high half of a word. At most 65,535
 * octets. Sums of ranges may be added before folding if all but the last have an even length.
 */
export const sum = (pkt: DataView, at: number, end: number): number => {
  let total = 0;
  let p = at;
  for (const last = end - 3; p < last; p += 4) {
    const words = pkt.getInt32(p);
    total += (words >>> 16) + (words & 0xffff);
  }
  if (p < end - 1) {
    total += pkt.getUint16(p);
    p += 2;
  }
  if (p < end) total += pkt.getUint8(p) << 8;
  return total;
};

/** The checksum of `[at, end)` plus `seed`, a sum of words that are not in the packet (a pseudo-header), as it is sent. */
export const checksum = (pkt: DataView, at: number, end: number, seed = 0): number =>
  ~fold(fold(sum(pkt, at, end)) + seed) & 0xffff;

/** Whether the words of `[at, end)`, which include their checksum, add up (RFC 1071 §1). */
export const isWhole = (pkt: DataView, at: number, end: number): boolean => fold(sum(pkt, at, end)) === 0xffff;

/** Sum of the words of the pseudo-header in front of UDP and TCP (RFC 768, RFC 9293 §3.1); at most 20 bits long. */
export const pseudoHeader = (src: number, dst: number, ipProtocol: number, length: number): number =>
  (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff) + ipProtocol + length;

/** The delta of a 16-bit word that changes from `from` to `to` (RFC 1624 §3 eqn 3). */
export const deltaOf16 = (from: number, to: number): CsumDelta => fold((~from & 0xffff) + to) as CsumDelta;

/** The delta of a 32-bit field that changes from `from` to `to`. */
export const deltaOf32 = (from: number, to: number): CsumDelta =>
  fold((~from >>> 16) + (~from & 0xffff) + (to >>> 16) + (to & 0xffff)) as CsumDelta;

/** The delta of two changes together. */
export const addDeltas = (a: CsumDelta, b: CsumDelta): CsumDelta => fold(a + b) as CsumDelta;

/** The delta of the opposite change. */
export const invertDelta = (d: CsumDelta): CsumDelta => (~d & 0xffff) as CsumDelta;

/** `csum`, as it stands in the packet, after the change `d` (RFC 1624 §3 eqn 3). */
export const applyDelta = (csum: number, d: CsumDelta): number => ~fold((~csum & 0xffff) + d) & 0xffff;

/**
 * As {@link applyDelta} for UDP over IPv4, where zero means "no checksum": it stays zero, and a computed zero is sent as 0xffff
 * (RFC 768).
 */
export const applyDeltaUdp = (csum: number, d: CsumDelta): number => {
  if (csum === 0) return 0;
  const repaired = applyDelta(csum, d);
  return repaired === 0 ? 0xffff : repaired;
};

/** A delta as it is kept in a table: only values that came from this file may come back through here. */
export const storedDelta = (word: number): CsumDelta => (word & 0xffff) as CsumDelta;
