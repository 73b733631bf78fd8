// The stages between opening and translating: the inner check and the gateway's own address.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { Cell, createCounters, dropCells, IcmpGenerated } from '../../src/base/counters.ts';
import { DropReason, type DropReasonName } from '../../src/base/drop-reason.ts';
import { Direction } from '../../src/base/protocol.ts';
import { checkInner } from '../../src/dataplane/inner-check.ts';
import { answerLocal } from '../../src/dataplane/local.ts';
import { SourceTable } from '../../src/dataplane/source-table.ts';
import { parsePrefix4 } from '../../src/wire/addr.ts';
import { echo, echoReply, ip, udp } from '../nat/rig.ts';
import { isWholePacket } from '../wire/packets.ts';

const GATEWAY = ip('10.99.0.1');
const CLIENT = 3;

const rig = (): {
  b: PacketBatch;
  counters: Float64Array;
  put(bytes: Uint8Array): number;
  packet(i: number): Uint8Array;
  dropped(r: DropReasonName): number;
} => {
  const counters = createCounters();
  const b = new PacketBatch(8, dropCells(counters, Direction.outbound));
  return {
    b,
    counters,
    put: (bytes) => {
      b.arena.bytes.set(bytes, b.slot(b.count));
      const i = b.accept(bytes.length);
      b.client[i] = CLIENT;
      return i;
    },
    packet: (i) => b.arena.bytes.slice(b.at[i], b.end[i]),
    dropped: (reason) => b.drops[DropReason[reason]]!,
  };
};

const sources = new SourceTable(8);
sources.rebuild(new Map([[CLIENT, [parsePrefix4('10.99.0.2/32')!]]]));

test('a whole packet of the client’s own passes, trimmed to its total length', () => {
  const { b, put, packet } = rig();
  const whole = udp('10.99.0.2:1000', '192.0.2.1:53');
  const i = put(Uint8Array.from([...whole, 0xde, 0xad]));
  checkInner(b, sources);
  assert.equal(b.verdict[i], Verdict.pending);
  assert.deepEqual(packet(i), whole);
});

test('a source that is not the client’s is dropped and counted (BCP 38)', () => {
  const { b, put, dropped } = rig();
  put(udp('10.99.0.3:1000', '192.0.2.1:53'));
  checkInner(b, sources);
  assert.equal(b.verdict[0], Verdict.drop);
  assert.equal(dropped('innerSourceSpoofed'), 1);
});

test('what is not a whole IPv4 packet is dropped as malformed, another version as unsupported', () => {
  const { b, put, dropped } = rig();
  const whole = udp('10.99.0.2:1000', '192.0.2.1:53');
  put(whole.slice(0, 19));
  put(whole.slice(0, whole.length - 1));
  put(new Uint8Array());
  const badChecksum = whole.slice();
  badChecksum[10]! ^= 1;
  put(badChecksum);
  put(Uint8Array.of(0x60, 0, 0, 0, 0, 0, 59, 64));
  checkInner(b, sources);
  assert.equal(dropped('innerMalformed'), 4);
  assert.equal(dropped('innerUnsupported'), 1);
});

test('any octets at all leave the inner check with a verdict and without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const { b, put } = rig();
      const i = put(bytes);
      checkInner(b, sources);
      const isOwn = b.verdict[i] === Verdict.pending;
      assert.ok(isOwn || b.verdict[i] === Verdict.drop);
    }),
  );
});

test('the gateway’s inner address answers an echo request in place (RFC 1122 §3.2.2.6)', () => {
  const { b, put, packet, counters } = rig();
  const i = put(echo('10.99.0.2', '10.99.0.1', 77, 5, { ttl: 3 }));
  answerLocal(b, GATEWAY, counters);
  assert.equal(b.verdict[i], Verdict.client);
  assert.deepEqual(packet(i), echoReply('10.99.0.1', '10.99.0.2', 77, 5, { ttl: 64 }));
  assert.ok(isWholePacket(packet(i)));
  assert.equal(counters[Cell.icmpGenerated + IcmpGenerated.echoReply], 1);
});

test('anything else for the gateway’s inner address is refused: replies, other protocols, fragments, bad checksums', () => {
  const { b, put, dropped, counters } = rig();
  put(echoReply('10.99.0.2', '10.99.0.1', 77));
  put(udp('10.99.0.2:1000', '10.99.0.1:5351'));
  put(echo('10.99.0.2', '10.99.0.1', 77, 1, { flagsOffset: 0x2000 }));
  const bad = echo('10.99.0.2', '10.99.0.1', 77);
  bad[bad.length - 1]! ^= 1;
  put(bad);
  answerLocal(b, GATEWAY, counters);
  assert.equal(dropped('localUnsupported'), 4);
});

test('what is for others is left alone', () => {
  const { b, put, counters } = rig();
  const i = put(echo('10.99.0.2', '192.0.2.1', 77));
  answerLocal(b, GATEWAY, counters);
  assert.equal(b.verdict[i], Verdict.pending);
});
