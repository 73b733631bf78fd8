import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Port } from '../../src/wire/addr.ts';
import { deltaOf16 } from '../../src/wire/checksum.ts';
import * as icmp4 from '../../src/wire/icmp4.ts';
import { malformed } from '../../src/wire/malformed.ts';
import { AT, anyData, anyPort, icmpMessage, placed, taken } from './packets.ts';

const { IcmpType } = icmp4;

test('an echo is emitted with its checksum and reads back (RFC 792)', () => {
  fc.assert(
    fc.property(anyPort, anyPort, anyData, (id, sequence, data) => {
      const length = 8 + data.length;
      const view = placed(new Uint8Array(length).fill(0x77));
      taken(view, length).set(data, 8);
      icmp4.emitEcho(view, AT, AT + length, IcmpType.echoRequest, id, sequence);
      assert.deepEqual(taken(view, length), icmpMessage(8, 0, ((id << 16) | sequence) >>> 0, data));
      const at = icmp4.check(view, AT, AT + length) as icmp4.IcmpAt;
      assert.equal(icmp4.type(view, at), IcmpType.echoRequest);
      assert.equal(icmp4.code(view, at), 0);
      assert.equal(icmp4.echoId(view, at), id);
      assert.equal(icmp4.echoSequence(view, at), sequence);
      assert.ok(icmp4.isChecksumRight(view, at, AT + length));
    }),
  );
});

test('rewriting the id, or turning a request into its reply, mends the checksum (RFC 1624 §3)', () => {
  fc.assert(
    fc.property(anyPort, anyPort, anyData, (id, to, data) => {
      const view = placed(icmpMessage(8, 0, ((id << 16) | 5) >>> 0, data));
      const at = AT as icmp4.IcmpAt;
      icmp4.rewriteEchoId(view, at, to as Port, deltaOf16(id, to));
      assert.deepEqual(taken(view, 8 + data.length), icmpMessage(8, 0, ((to << 16) | 5) >>> 0, data));
      icmp4.rewriteType(view, at, IcmpType.echoReply);
      const reply = icmpMessage(0, 0, ((to << 16) | 5) >>> 0, data);
      if ((to | data.reduce((a, b) => a | b, 0)) !== 0) assert.deepEqual(taken(view, 8 + data.length), reply);
      assert.ok(icmp4.isChecksumRight(view, at, AT + 8 + data.length));
    }),
  );
});

test('an error is emitted around its quote (RFC 792)', () => {
  const quote = new Uint8Array(28).map((_, i) => i);
  const view = placed(new Uint8Array(36));
  taken(view, 36).set(quote, 8);
  icmp4.emitError(view, AT, AT + 36, IcmpType.destinationUnreachable, 4, 1400);
  assert.deepEqual(taken(view, 36), icmpMessage(3, 4, 1400, quote));
  assert.equal(icmp4.rest(view, AT as icmp4.IcmpAt), 1400);
  assert.equal(icmp4.embeddedAt(AT as icmp4.IcmpAt), AT + 8);
  view.setUint8(AT + 9, 99);
  assert.ok(!icmp4.isChecksumRight(view, AT as icmp4.IcmpAt, AT + 36));
  icmp4.refreshChecksum(view, AT as icmp4.IcmpAt, AT + 36);
  assert.ok(icmp4.isChecksumRight(view, AT as icmp4.IcmpAt, AT + 36));
});

test('fewer than eight octets mint no offset', () => {
  for (let length = 0; length < 8; length++) {
    assert.equal(icmp4.check(new DataView(new ArrayBuffer(length)), 0, length), malformed);
  }
  assert.equal(icmp4.check(new DataView(new ArrayBuffer(8)), 0, 8), 0);
});

test('the error types are those that quote a packet (RFC 1122 §3.2.2)', () => {
  const errors = [];
  const echoes = [];
  for (let type = 0; type < 256; type++) {
    if (icmp4.isError(type)) errors.push(type);
    if (icmp4.isEcho(type)) echoes.push(type);
  }
  assert.deepEqual(errors, [3, 4, 5, 11, 12]);
  assert.deepEqual(echoes, [0, 8]);
});
