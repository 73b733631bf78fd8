import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Ip4, Port } from '../../src/wire/addr.ts';
import { addDeltas, deltaOf16, deltaOf32 } from '../../src/wire/checksum.ts';
import { malformed } from '../../src/wire/malformed.ts';
import * as tcp from '../../src/wire/tcp.ts';
import { AT, anyData, anyIp4, anyPort, placed, taken, tcpSegment } from './packets.ts';

test('a whole segment is accepted and reads back (RFC 9293 §3.1)', () => {
  fc.assert(
    fc.property(anyIp4, anyPort, anyIp4, anyPort, fc.nat({ max: 63 }), anyData, (s, sp, d, dp, flags, data) => {
      const bytes = tcpSegment(s, sp, d, dp, flags, data);
      const view = placed(bytes);
      const at = tcp.check(view, AT, AT + bytes.length) as tcp.TcpAt;
      assert.equal(at, AT);
      assert.equal(tcp.srcPort(view, at), sp);
      assert.equal(tcp.dstPort(view, at), dp);
      assert.equal(tcp.flags(view, at), flags);
      assert.equal(tcp.sequence(view, at), 0x01020304);
      assert.equal(tcp.headerLength(view, at), 20);
      assert.ok(tcp.isChecksumRight(view, at, AT + bytes.length, s as Ip4, d as Ip4));
    }),
  );
});

test('a header cut off, or a data offset that does not fit, mints no offset', () => {
  const bytes = tcpSegment(1, 2, 3, 4, tcp.TcpFlag.syn, new Uint8Array(8));
  for (let length = 0; length < 20; length++) {
    assert.equal(tcp.check(new DataView(bytes.slice(0, length).buffer), 0, length), malformed);
  }
  const view = new DataView(bytes.buffer);
  for (const [octet, accepted] of [
    [0x40, false],
    [0x50, true],
    [0x70, true],
    [0x80, false],
  ] as const) {
    view.setUint8(12, octet);
    assert.equal(tcp.check(view, 0, bytes.length) !== malformed, accepted);
  }
});

test('rewriting a port mends the checksum for port and pseudo-header together (RFC 1624 §3)', () => {
  fc.assert(
    fc.property(anyIp4, anyPort, anyIp4, anyPort, anyData, anyIp4, anyPort, (s, sp, d, dp, data, to, toPort) => {
      const bytes = tcpSegment(s, sp, d, dp, 16, data);
      const delta = addDeltas(deltaOf32(s, to), deltaOf16(sp, toPort));
      const view = placed(bytes);
      tcp.rewriteSrcPort(view, AT as tcp.TcpAt, toPort as Port, delta);
      assert.deepEqual(taken(view, bytes.length), tcpSegment(to, toPort, d, dp, 16, data));
      const back = placed(tcpSegment(d, dp, s, sp, 16, data));
      tcp.rewriteDstPort(back, AT as tcp.TcpAt, toPort as Port, delta);
      assert.deepEqual(taken(back, bytes.length), tcpSegment(d, dp, to, toPort, 16, data));
    }),
  );
});

test('a quoted segment of eight octets is rewritten without touching what lies behind it (RFC 792)', () => {
  const whole = tcpSegment(0x0a000001, 1000, 0xc0000201, 80, 2);
  const d = deltaOf16(1000, 2000);
  for (const [length, mended] of [
    [8, false],
    [17, false],
    [18, true],
  ] as const) {
    const view = placed(whole);
    const at = tcp.checkEmbedded(view, AT, AT + length) as tcp.TcpPortsAt;
    assert.equal(at, AT);
    tcp.rewriteQuotedSrcPort(view, at, AT + length, 2000 as Port, d);
    const want = whole.slice();
    new DataView(want.buffer).setUint16(0, 2000);
    if (mended) want.set(tcpSegment(0x0a000001, 2000, 0xc0000201, 80, 2).subarray(16, 18), 16);
    assert.deepEqual(taken(view, whole.length), want);
    tcp.rewriteQuotedDstPort(view, at, AT + length, 81 as Port, deltaOf16(80, 81));
    assert.equal(tcp.dstPort(view, at), 81);
  }
  assert.equal(tcp.checkEmbedded(placed(whole), AT, AT + 7), malformed);
});
