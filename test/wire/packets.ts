// Packets for tests, written field by field so that they do not lean on the code under test; checksums come from the naive twin.

import fc from 'fast-check';

/** Where a test's packet starts in its view: anything but 0, so that a forgotten offset shows. */
export const AT = 7;

/** RFC 1071 as its text says it: 16-bit words, end-around carry at every step. The naive twin of `wire/checksum.ts`. */
export const naiveChecksum = (bytes: Uint8Array, seed = 0): number => {
  const carried = (n: number): number => (n > 0xffff ? carried((n % 0x10000) + Math.floor(n / 0x10000)) : n);
  let sum = carried(seed);
  for (let i = 0; i < bytes.length; i += 2) sum = carried(sum + bytes[i]! * 256 + (bytes[i + 1] ?? 0));
  return 0xffff - sum;
};

/** What an IPv4 packet of a test is made of. */
export interface Ipv4Fields {
  src: number;
  dst: number;
  protocol: number;
  payload: Uint8Array;
  ttl?: number;
  tos?: number;
  id?: number;
  flagsOffset?: number;
  options?: Uint8Array;
}

/** A whole IPv4 packet with a right header checksum. */
export const ipv4Packet = (f: Ipv4Fields): Uint8Array => {
  const options = f.options ?? new Uint8Array();
  const header = 20 + options.length;
  const bytes = new Uint8Array(header + f.payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x40 | (header / 4);
  bytes[1] = f.tos ?? 0;
  view.setUint16(2, bytes.length);
  view.setUint16(4, f.id ?? 0x1234);
  view.setUint16(6, f.flagsOffset ?? 0);
  bytes[8] = f.ttl ?? 64;
  bytes[9] = f.protocol;
  view.setUint32(12, f.src);
  view.setUint32(16, f.dst);
  bytes.set(options, 20);
  view.setUint16(10, naiveChecksum(bytes.subarray(0, header)));
  bytes.set(f.payload, header);
  return bytes;
};

const pseudoSeed = (src: number, dst: number, protocol: number, length: number): number => {
  const pseudo = new Uint8Array(12);
  const view = new DataView(pseudo.buffer);
  view.setUint32(0, src);
  view.setUint32(4, dst);
  view.setUint16(8, protocol);
  view.setUint16(10, length);
  return 0xffff - naiveChecksum(pseudo);
};

/** A UDP datagram; `checksum: false` sends none. */
export const udpDatagram = (
  src: number,
  srcPort: number,
  dst: number,
  dstPort: number,
  data: Uint8Array,
  withChecksum = true,
): Uint8Array => {
  const bytes = new Uint8Array(8 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, srcPort);
  view.setUint16(2, dstPort);
  view.setUint16(4, bytes.length);
  bytes.set(data, 8);
  if (withChecksum) view.setUint16(6, naiveChecksum(bytes, pseudoSeed(src, dst, 17, bytes.length)) || 0xffff);
  return bytes;
};

/** A TCP segment without options. */
export const tcpSegment = (
  src: number,
  srcPort: number,
  dst: number,
  dstPort: number,
  flags: number,
  data: Uint8Array = new Uint8Array(),
): Uint8Array => {
  const bytes = new Uint8Array(20 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, srcPort);
  view.setUint16(2, dstPort);
  view.setUint32(4, 0x01020304);
  bytes[12] = 0x50;
  bytes[13] = flags;
  view.setUint16(14, 65535);
  bytes.set(data, 20);
  view.setUint16(16, naiveChecksum(bytes, pseudoSeed(src, dst, 6, bytes.length)));
  return bytes;
};

/** An ICMP message whose second word is `word`. */
export const icmpMessage = (type: number, code: number, word: number, data: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(8 + data.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = type;
  bytes[1] = code;
  view.setUint32(4, word);
  bytes.set(data, 8);
  view.setUint16(2, naiveChecksum(bytes));
  return bytes;
};

/** `bytes` placed at {@link AT} of a view with other octets before and behind. */
export const placed = (bytes: Uint8Array, behind = 9): DataView => {
  const all = new Uint8Array(AT + bytes.length + behind).fill(0xa5);
  all.set(bytes, AT);
  return new DataView(all.buffer);
};

/** The octets that {@link placed} placed. */
export const taken = (view: DataView, length: number): Uint8Array => new Uint8Array(view.buffer, AT, length);

/** Whether transport and header checksums of the IPv4 packet `bytes` are right, by the naive twin. */
export const isWholePacket = (bytes: Uint8Array): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = (bytes[0]! & 15) * 4;
  if (naiveChecksum(bytes.subarray(0, header)) !== 0) return false;
  const payload = bytes.subarray(header, view.getUint16(2));
  const protocol = bytes[9]!;
  if (protocol === 1) return naiveChecksum(payload) === 0;
  if (protocol === 17 && view.getUint16(header + 6) === 0) return true;
  return naiveChecksum(payload, pseudoSeed(view.getUint32(12), view.getUint32(16), protocol, payload.length)) === 0;
};

export const anyIp4: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 0xffffffff, 0x7f000001, 0x80000000, 0x0a000001),
  fc.nat({ max: 0xffffffff }),
);
export const anyPort: fc.Arbitrary<number> = fc.oneof(fc.constantFrom(0, 1, 0xffff, 0x8000), fc.nat({ max: 0xffff }));
export const anyData: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 64 });
