import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Ip4 } from '../../src/wire/addr.ts';
import { deltaOf32 } from '../../src/wire/checksum.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { malformed } from '../../src/wire/malformed.ts';
import { AT, anyData, anyIp4, ipv4Packet, isWholePacket, naiveChecksum, placed, taken } from './packets.ts';

const anyPacket = fc
  .record({
    src: anyIp4,
    dst: anyIp4,
    protocol: fc.constant(253),
    payload: anyData,
    ttl: fc.integer({ min: 1, max: 255 }),
    tos: fc.nat({ max: 255 }),
    id: fc.nat({ max: 0xffff }),
    flagsOffset: fc.nat({ max: 0x7fff }),
    options: fc.uint8Array({ maxLength: 40 }).map((o) => o.subarray(0, o.length & ~3)),
  })
  .map((f) => ({ f, bytes: ipv4Packet(f) }));

const checked = (view: DataView, length: number): ipv4.Ipv4At => {
  const at = ipv4.check(view, AT, AT + length);
  assert.notEqual(at, malformed);
  return at as ipv4.Ipv4At;
};

test('a whole packet is accepted and every field reads back, options skipped (RFC 791 §3.1)', () => {
  fc.assert(
    fc.property(anyPacket, ({ f, bytes }) => {
      const view = placed(bytes);
      const at = checked(view, bytes.length);
      assert.equal(ipv4.src(view, at), f.src);
      assert.equal(ipv4.dst(view, at), f.dst);
      assert.equal(ipv4.protocol(view, at), f.protocol);
      assert.equal(ipv4.ttl(view, at), f.ttl);
      assert.equal(ipv4.tos(view, at), f.tos);
      assert.equal(ipv4.identification(view, at), f.id);
      assert.equal(ipv4.totalLength(view, at), bytes.length);
      assert.equal(ipv4.endOf(view, at), AT + bytes.length);
      assert.equal(ipv4.headerLength(view, at), 20 + f.options.length);
      assert.equal(ipv4.payloadAt(view, at), AT + 20 + f.options.length);
      assert.equal(ipv4.fragmentOffset(view, at), (f.flagsOffset & 0x1fff) * 8);
      assert.equal(ipv4.hasMoreFragments(view, at), (f.flagsOffset & 0x2000) !== 0);
      assert.equal(ipv4.mayBeFragmented(view, at), (f.flagsOffset & 0x4000) === 0);
      assert.equal(ipv4.isFragment(view, at), (f.flagsOffset & 0x3fff) !== 0);
    }),
  );
});

test('octets behind the total length are accepted and left alone', () => {
  const bytes = ipv4Packet({ src: 1, dst: 2, protocol: 17, payload: new Uint8Array(4) });
  const view = placed(bytes);
  const at = ipv4.check(view, AT, AT + bytes.length + 2);
  assert.notEqual(at, malformed);
  assert.equal(ipv4.endOf(view, at as ipv4.Ipv4At), AT + bytes.length);
});

test('a packet cut off anywhere mints no offset and throws nothing', () => {
  fc.assert(
    fc.property(anyPacket, fc.nat(), ({ bytes }, cut) => {
      const length = cut % bytes.length;
      const view = new DataView(bytes.slice(0, length).buffer);
      assert.equal(ipv4.check(view, 0, length), malformed);
    }),
  );
});

test('a wrong version, header length, total length or header checksum is malformed (RFC 1812 §5.2.2)', () => {
  const spoil = (change: (v: DataView) => void, repair: boolean): number => {
    const bytes = ipv4Packet({ src: 1, dst: 2, protocol: 17, payload: new Uint8Array(20) });
    const view = new DataView(bytes.buffer);
    change(view);
    if (repair) {
      view.setUint16(10, 0);
      view.setUint16(10, naiveChecksum(bytes.subarray(0, Math.min(bytes.length, (bytes[0]! & 15) * 4))));
    }
    return ipv4.check(view, 0, bytes.length);
  };
  assert.equal(
    spoil(() => {}, true),
    0,
  );
  assert.equal(
    spoil((v) => v.setUint8(0, 0x65), true),
    malformed,
  );
  assert.equal(
    spoil((v) => v.setUint8(0, 0x44), true),
    malformed,
  );
  assert.equal(
    spoil((v) => v.setUint16(2, 19), true),
    malformed,
  );
  assert.equal(
    spoil((v) => v.setUint16(2, 41), true),
    malformed,
  );
  assert.equal(
    spoil((v) => v.setUint8(0, 0x4b), true),
    malformed,
  );
  assert.equal(
    spoil((v) => v.setUint8(9, 18), false),
    malformed,
  );
});

test('an embedded packet may be cut off behind its header, but not within (RFC 5508 REQ-3)', () => {
  const bytes = ipv4Packet({ src: 1, dst: 2, protocol: 17, payload: new Uint8Array(20), options: new Uint8Array(8) });
  const view = new DataView(bytes.buffer);
  assert.equal(ipv4.checkEmbedded(view, 0, 36), 0);
  assert.equal(ipv4.checkEmbedded(view, 0, 28), 0);
  assert.equal(ipv4.checkEmbedded(view, 0, 27), malformed);
  view.setUint8(8, 63);
  assert.equal(ipv4.checkEmbedded(view, 0, 36), malformed);
});

test('rewriting addresses and time to live leaves a packet that adds up (RFC 1624 §3)', () => {
  fc.assert(
    fc.property(anyPacket, anyIp4, anyIp4, ({ f, bytes }, src, dst) => {
      const view = placed(bytes);
      const at = checked(view, bytes.length);
      ipv4.rewriteSrc(view, at, src as Ip4, deltaOf32(f.src, src));
      ipv4.rewriteDst(view, at, dst as Ip4, deltaOf32(f.dst, dst));
      ipv4.decrementTtl(view, at);
      assert.deepEqual(taken(view, bytes.length), ipv4Packet({ ...f, src, dst, ttl: f.ttl - 1 }));
      ipv4.swapAddresses(view, at);
      ipv4.rewriteTtl(view, at, 64);
      assert.deepEqual(taken(view, bytes.length), ipv4Packet({ ...f, src: dst, dst: src, ttl: 64 }));
    }),
  );
});

test('an emitted header is whole and marks an atomic datagram (RFC 6864 §4.1)', () => {
  fc.assert(
    fc.property(anyIp4, anyIp4, anyData, (src, dst, payload) => {
      const view = placed(new Uint8Array(20 + payload.length).fill(0xee));
      ipv4.emit(view, AT, 20 + payload.length, 0xc0, 63, 253, src as Ip4, dst as Ip4);
      taken(view, 20 + payload.length).set(payload, 20);
      const want = { src, dst, protocol: 253, payload, ttl: 63, tos: 0xc0, id: 0, flagsOffset: 0x4000 };
      assert.deepEqual(taken(view, 20 + payload.length), ipv4Packet(want));
    }),
  );
});

test('the test builder agrees with itself', () => {
  assert.ok(isWholePacket(ipv4Packet({ src: 1, dst: 2, protocol: 1, payload: new Uint8Array([0, 0, 255, 255]) })));
});
