import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Ip4, Port } from '../../src/wire/addr.ts';
import { addDeltas, deltaOf16, deltaOf32 } from '../../src/wire/checksum.ts';
import { malformed } from '../../src/wire/malformed.ts';
import * as udp from '../../src/wire/udp.ts';
import { AT, anyData, anyIp4, anyPort, placed, taken, udpDatagram } from './packets.ts';

test('a whole datagram is accepted and reads back; octets behind its length are let pass', () => {
  fc.assert(
    fc.property(anyIp4, anyPort, anyIp4, anyPort, anyData, fc.nat({ max: 9 }), (s, sp, d, dp, data, more) => {
      const bytes = udpDatagram(s, sp, d, dp, data);
      const view = placed(bytes);
      const at = udp.check(view, AT, AT + bytes.length + more) as udp.UdpAt;
      assert.equal(at, AT);
      assert.equal(udp.srcPort(view, at), sp);
      assert.equal(udp.dstPort(view, at), dp);
      assert.equal(udp.length(view, at), bytes.length);
      assert.ok(udp.isChecksumRight(view, at, s as Ip4, d as Ip4));
    }),
  );
});

test('a datagram cut off anywhere mints no offset and throws nothing', () => {
  fc.assert(
    fc.property(anyData, fc.nat(), (data, cut) => {
      const bytes = udpDatagram(1, 2, 3, 4, data);
      const length = cut % bytes.length;
      assert.equal(udp.check(new DataView(bytes.slice(0, length).buffer), 0, length), malformed);
    }),
  );
});

test('a length below the header is malformed', () => {
  const view = new DataView(udpDatagram(1, 2, 3, 4, new Uint8Array(4)).buffer);
  view.setUint16(4, 7);
  assert.equal(udp.check(view, 0, 12), malformed);
  assert.equal(udp.checkEmbedded(view, 0, 8), 0);
  assert.equal(udp.checkEmbedded(view, 0, 7), malformed);
});

test('rewriting a port mends the checksum for port and pseudo-header together (RFC 1624 §3)', () => {
  fc.assert(
    fc.property(anyIp4, anyPort, anyIp4, anyPort, anyData, anyIp4, anyPort, (s, sp, d, dp, data, to, toPort) => {
      const bytes = udpDatagram(s, sp, d, dp, data);
      const delta = addDeltas(deltaOf32(s, to), deltaOf16(sp, toPort));
      const view = placed(bytes);
      const at = udp.check(view, AT, AT + bytes.length) as udp.UdpAt;
      udp.rewriteSrcPort(view, at, toPort as Port, delta);
      assert.deepEqual(taken(view, bytes.length), udpDatagram(to, toPort, d, dp, data));
      const back = placed(udpDatagram(d, dp, s, sp, data));
      udp.rewriteDstPort(back, AT as udp.UdpAt, toPort as Port, delta);
      assert.deepEqual(taken(back, bytes.length), udpDatagram(d, dp, to, toPort, data));
    }),
  );
});

test('a datagram without checksum leaves without one (RFC 768)', () => {
  const view = placed(udpDatagram(1, 2, 3, 4, new Uint8Array(5), false));
  udp.rewriteSrcPort(view, AT as udp.UdpAt, 99 as Port, deltaOf16(2, 99));
  assert.equal(udp.checksumOf(view, AT as udp.UdpAt), 0);
  assert.ok(udp.isChecksumRight(view, AT as udp.UdpAt, 7 as Ip4, 8 as Ip4));
});

test('a checksum that comes out as zero is sent as 0xffff (RFC 768)', () => {
  fc.assert(
    fc.property(anyData, (data) => {
      const base = udpDatagram(0x0a000001, 5000, 0xc0000201, 53, data);
      const before = new DataView(base.buffer).getUint16(6);
      // The port for which the sum comes out as zero; every checksum has one.
      const wanted = (5000 + before) % 0xffff;
      const view = placed(base);
      udp.rewriteSrcPort(view, AT as udp.UdpAt, wanted as Port, deltaOf16(5000, wanted));
      assert.equal(udp.checksumOf(view, AT as udp.UdpAt), 0xffff);
      assert.ok(udp.isChecksumRight(view, AT as udp.UdpAt, 0x0a000001 as Ip4, 0xc0000201 as Ip4));
    }),
  );
});
