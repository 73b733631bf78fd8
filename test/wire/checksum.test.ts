import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addDeltas,
  applyDelta,
  applyDeltaUdp,
  checksum,
  deltaOf16,
  deltaOf32,
  invertDelta,
  isWhole,
  storedDelta,
} from '../../src/wire/checksum.ts';
import { AT, anyIp4, anyPort, naiveChecksum, placed } from './packets.ts';

test('the word-wise sum equals the naive one for every length and content (RFC 1071 §1)', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 97 }), fc.nat({ max: 0xfffff }), (bytes, seed) => {
      assert.equal(checksum(placed(bytes), AT, AT + bytes.length, seed), naiveChecksum(bytes, seed));
    }),
  );
});

test('the sum of 65,535 octets of ones does not overflow', () => {
  const bytes = new Uint8Array(65_535).fill(0xff);
  assert.equal(checksum(placed(bytes), AT, AT + bytes.length), naiveChecksum(bytes));
});

test('octets add up with their checksum and not with another', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 40 }), fc.nat({ max: 0xffff }), (bytes, wrong) => {
      const even = bytes.length & 1 ? bytes.subarray(1) : bytes;
      const view = placed(even);
      view.setUint16(AT, 0);
      const right = checksum(view, AT, AT + even.length);
      view.setUint16(AT, right);
      assert.ok(isWhole(view, AT, AT + even.length));
      fc.pre(wrong % 0xffff !== right % 0xffff);
      view.setUint16(AT, wrong);
      assert.ok(!isWhole(view, AT, AT + even.length));
    }),
  );
});

test('an incremental update equals a full recomputation (RFC 1624 §3)', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 12, maxLength: 40 }),
      anyIp4,
      anyIp4,
      anyPort,
      anyPort,
      (bytes, fromIp, toIp, from, to) => {
        bytes[0] = 0x45; // A sum of nothing but zeros has two spellings; no real header is all zeros.
        const view = new DataView(bytes.buffer);
        view.setUint32(4, fromIp);
        view.setUint16(8, from);
        const before = naiveChecksum(bytes);
        view.setUint32(4, toIp);
        view.setUint16(8, to);
        const d = addDeltas(deltaOf32(fromIp, toIp), deltaOf16(from, to));
        assert.equal(applyDelta(before, d), naiveChecksum(bytes));
        assert.equal(applyDelta(applyDelta(before, d), invertDelta(d)), before);
        assert.equal(storedDelta(d), d);
      },
    ),
  );
});

test('a zero UDP checksum stays zero and a computed zero is sent as 0xffff (RFC 768)', () => {
  assert.equal(applyDeltaUdp(0, deltaOf16(1, 2)), 0);
  const d = deltaOf16(0x1000, 0x1001);
  assert.equal(applyDelta(1, d), 0);
  assert.equal(applyDeltaUdp(1, d), 0xffff);
  assert.equal(applyDeltaUdp(0xffff, deltaOf16(5, 5)), 0xffff);
});
