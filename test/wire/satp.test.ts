import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { malformed } from '../../src/wire/malformed.ts';
import * as satp from '../../src/wire/satp.ts';
import { AT, anyIp4, anyPort, placed, taken } from './packets.ts';

test('a header is emitted in network byte order and reads back', () => {
  const view = placed(new Uint8Array(12));
  satp.emitHeader(view, AT, 0x01020304, 0x0506, 0x0708, satp.PayloadType.ethernet);
  assert.deepEqual([...taken(view, 12)], [1, 2, 3, 4, 5, 6, 7, 8, 0x65, 0x58, 0, 0]);
  fc.assert(
    fc.property(anyIp4, anyPort, anyPort, anyPort, (sequence, sender, mux, type) => {
      satp.emitHeader(view, AT, sequence, sender, mux, type);
      const at = satp.check(view, AT, AT + satp.PAYLOAD, 0) as satp.SatpAt;
      assert.equal(satp.sequence(view, at), sequence);
      assert.equal(satp.senderId(view, at), sender);
      assert.equal(satp.mux(view, at), mux);
      assert.equal(satp.payloadType(view, at), type);
    }),
  );
});

test('a datagram must hold header and auth tag; one without a payload is a keep-alive', () => {
  const view = new DataView(new ArrayBuffer(64));
  for (const tag of [0, 10, 20]) {
    assert.equal(satp.check(view, 0, satp.HEADER + tag, tag), 0);
    assert.equal(satp.check(view, 0, satp.HEADER + tag - 1, tag), malformed);
  }
  assert.equal(satp.check(view, 3, 0, 0), malformed);
});
