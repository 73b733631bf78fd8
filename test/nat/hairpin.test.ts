import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '../../src/base/batch.ts';
import { Direction, Protocol } from '../../src/base/protocol.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { isWholePacket } from '../wire/packets.ts';
import { echo, echoReply, icmp, describe as parts, policyWith, quoteOf, Rig, tcp, udp } from './rig.ts';

const C1 = '10.99.0.2';
const C2 = '10.99.0.3';
const EXT = '198.51.100.10';
const R1 = '93.184.216.34';
const { syn, ack } = TcpFlag;

test('a client reaches another by its external endpoint, and is seen by its own (RFC 4787 §6 REQ-9a)', () => {
  const rig = new Rig();
  rig.out(2, udp(`${C2}:6000`, `${R1}:53`));
  const sent = rig.out(1, udp(`${C1}:5000`, `${EXT}:6000`, { ttl: 10 }));
  assert.deepEqual([sent.verdict, sent.client, sent.src, sent.dst], [Verdict.client, 2, `${EXT}:5000`, `${C2}:6000`]);
  assert.ok(sent.isWhole);
  const answer = rig.out(2, udp(`${C2}:6000`, `${EXT}:5000`));
  assert.deepEqual([answer.client, answer.src, answer.dst], [1, `${EXT}:6000`, `${C1}:5000`]);
  assert.equal(rig.count('natHairpinPackets', Protocol.udp), 2);
  assert.equal(rig.count('relayPackets', Direction.inbound * 3 + Protocol.udp), 0);
});

test('a hairpin takes one off the time to live, for no kernel does (RFC 1812 §5.3.1)', () => {
  const rig = new Rig();
  rig.out(2, udp(`${C2}:6000`, `${R1}:53`));
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${EXT}:6000`, { ttl: 10 })).ttl, 9);
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:6000`, { ttl: 10 })).ttl, 10);
});

test('a TCP connection goes through a hairpin (RFC 5382 §6 REQ-8)', () => {
  const rig = new Rig();
  rig.out(2, tcp(`${C2}:6000`, `${R1}:80`, syn));
  assert.equal(rig.out(1, tcp(`${C1}:5000`, `${EXT}:6000`, syn)).client, 2);
  const answer = rig.out(2, tcp(`${C2}:6000`, `${EXT}:5000`, syn | ack));
  assert.deepEqual([answer.client, answer.dst, answer.isWhole], [1, `${C1}:5000`, true]);
  assert.equal(rig.out(1, tcp(`${C1}:5000`, `${EXT}:6000`, ack)).client, 2);
  const states = rig.nat.sessions(9, 0, rig.now).rows.map((s) => [s.client, s.state]);
  assert.deepEqual(states, [
    [2, 'outboundSyn'],
    [1, 'established'],
    [2, 'established'],
  ]);
});

test('an ICMP query goes through a hairpin (RFC 7857 §12)', () => {
  const rig = new Rig(policyWith({ pool: ['198.51.100.10', '198.51.100.11'] }));
  const two = rig.out(2, echo(C2, R1, 4077)).src.split(':')[0]!;
  const sent = rig.out(1, echo(C1, two, 4077, 9));
  assert.deepEqual([sent.verdict, sent.client, sent.dst, sent.isWhole], [Verdict.client, 2, C2, true]);
  const one = sent.src.split(':')[0]!;
  assert.notEqual(one, two);
  const reply = rig.out(2, echoReply(C2, one, 4077, 9));
  assert.deepEqual([reply.verdict, reply.client], [Verdict.client, 1]);
  assert.deepEqual([reply.src, reply.dst, reply.isWhole], [two, `${C1}:4077`, true]);
});

test('a client that pings its own external address answers itself', () => {
  const rig = new Rig();
  const sent = rig.out(1, echo(C1, EXT, 4077));
  assert.deepEqual([sent.client, sent.src, sent.dst], [1, `${EXT}:4077`, C1]);
  const reply = rig.out(1, echoReply(C1, EXT, 4077));
  assert.deepEqual([reply.client, reply.dst], [1, `${C1}:4077`]);
});

test('a hairpin obeys the filtering of the receiving mapping', () => {
  const rig = new Rig(policyWith({ filtering: 'address-and-port-dependent' }));
  rig.out(2, udp(`${C2}:6000`, `${R1}:53`));
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${EXT}:6000`)).reason, 'natFiltered');
  rig.out(2, udp(`${C2}:6000`, `${EXT}:5000`));
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${EXT}:6000`)).client, 2);
});

test('a hairpin to an endpoint that nobody has is dropped', () => {
  const rig = new Rig();
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${EXT}:6000`)).reason, 'natUnmapped');
  assert.equal(rig.out(1, echo(C1, '198.51.100.11', 1)).verdict, Verdict.external);
});

test('a hairpinned ICMP error is translated at both ends (RFC 5508 §4.2 REQ-7)', () => {
  const rig = new Rig();
  rig.out(2, udp(`${C2}:6000`, `${R1}:53`));
  const request = udp(`${C1}:5000`, `${EXT}:6000`);
  const seen = rig.out(1, request);
  const error = rig.out(2, icmp(C2, EXT, 3, 3, 0, { data: seen.bytes, ttl: 30 }));
  assert.deepEqual([error.verdict, error.client, error.src, error.dst], [Verdict.client, 1, EXT, C1]);
  assert.ok(error.isWhole);
  assert.equal(error.ttl, 29);
  const quoted = quoteOf(error.bytes);
  assert.deepEqual(parts(quoted), { src: `${C1}:5000`, dst: `${EXT}:6000`, ttl: 63 });
  assert.ok(isWholePacket(quoted));
  assert.equal(rig.count('icmpErrorsTranslated', Direction.outbound), 1);
  assert.equal(rig.count('icmpErrorsTranslated', Direction.inbound), 1);
});
