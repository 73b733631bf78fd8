import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '../../src/base/batch.ts';
import { Direction } from '../../src/base/protocol.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { icmpMessage, ipv4Packet, isWholePacket, naiveChecksum } from '../wire/packets.ts';
import { echo, echoReply, icmp, ip, policyWith, quoteOf, Rig, tcp, udp } from './rig.ts';

const C1 = '10.99.0.2';
const C2 = '10.99.0.3';
const EXT = '198.51.100.10';
const R1 = '93.184.216.34';
const R2 = '151.101.1.69';
const ROUTER = '62.40.98.1';

/** Sends `original` out and lets a router answer it with an error of `type` that quotes `octets` of it. */
const bounce = (rig: Rig, original: Uint8Array, type: number, code: number, octets = 65535, word = 0) => {
  const sent = rig.out(1, original);
  assert.equal(sent.verdict, Verdict.external);
  return rig.in(icmp(ROUTER, EXT, type, code, word, { data: sent.bytes.subarray(0, octets) }));
};

const originals = {
  UDP: udp(`${C1}:5000`, `${R1}:53`),
  'UDP without checksum': udp(`${C1}:5000`, `${R1}:53`, { withChecksum: false }),
  TCP: tcp(`${C1}:5000`, `${R1}:80`, TcpFlag.syn),
  'ICMP echo': echo(C1, R1, 5000, 3),
  'UDP with IP options': udp(`${C1}:5000`, `${R1}:53`, { options: Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 0) }),
};

for (const [name, original] of Object.entries(originals)) {
  test(`an inbound error restores what it quotes: ${name} (RFC 5508 §4.2 REQ-4)`, () => {
    for (const [type, code] of [
      [3, 1],
      [3, 3],
      [3, 4],
      [11, 0],
      [12, 0],
    ] as const) {
      const rig = new Rig();
      rig.out(2, udp(`${C2}:5000`, `${R1}:53`));
      rig.out(2, tcp(`${C2}:5000`, `${R1}:53`, TcpFlag.syn));
      rig.out(2, echo(C2, R1, 5000));
      const error = bounce(rig, original, type, code, 65535, 1400);
      assert.deepEqual([error.verdict, error.client], [Verdict.client, 1]);
      // The error comes from the router that made it, which the session never spoke with (RFC 4787 REQ-12a).
      assert.deepEqual([error.src, error.dst], [ROUTER, C1]);
      assert.ok(error.isWhole);
      assert.deepEqual([...error.bytes.subarray(20, 22)], [type, code]);
      assert.deepEqual([...error.bytes.subarray(24, 28)], [0, 0, 5, 120]);
      assert.deepEqual(quoteOf(error.bytes), original);
      assert.equal(rig.count('icmpErrorsTranslated', Direction.inbound), 1);
    }
  });
}

test('an error that quotes no more than eight octets is translated (RFC 792)', () => {
  for (const original of [originals.UDP, originals.TCP, originals['ICMP echo']]) {
    const rig = new Rig();
    rig.out(2, udp(`${C2}:5000`, `${R1}:53`));
    rig.out(2, tcp(`${C2}:5000`, `${R1}:53`, TcpFlag.syn));
    rig.out(2, echo(C2, R1, 5000));
    const error = bounce(rig, original, 11, 0, 28);
    assert.ok(error.isWhole);
    assert.deepEqual(quoteOf(error.bytes), original.slice(0, 28));
    assert.equal(bounce(rig, original, 11, 0, 27).reason, 'natIcmpMalformed');
  }
});

test('an error with a bad ICMP or embedded IP checksum is dropped (RFC 5508 §4.2 REQ-3a)', () => {
  const rig = new Rig();
  const sent = rig.out(1, originals.UDP);
  const spoiled = icmp(ROUTER, EXT, 3, 3, 0, { data: sent.bytes });
  spoiled[60]! ^= 1;
  assert.equal(rig.in(spoiled).reason, 'natIcmpMalformed');
  const quote = sent.bytes.slice();
  quote[8]! ^= 1;
  assert.equal(rig.in(icmp(ROUTER, EXT, 3, 3, 0, { data: quote })).reason, 'natIcmpMalformed');
});

test('a wrong transport checksum in the quote is no reason to drop (RFC 5508 §4.2 REQ-3c)', () => {
  const rig = new Rig();
  const sent = rig.out(1, originals.UDP);
  const quote = sent.bytes.slice();
  quote[30]! ^= 0xff;
  const error = rig.in(icmp(ROUTER, EXT, 3, 3, 0, { data: quote }));
  assert.equal(error.verdict, Verdict.client);
  assert.ok(error.isWhole);
  assert.ok(!isWholePacket(quoteOf(error.bytes)));
});

test('extensions behind the quote are carried untouched (RFC 5508 §4.2 REQ-3d, RFC 4884)', () => {
  const rig = new Rig();
  const sent = rig.out(1, udp(`${C1}:5000`, `${R1}:53`, { data: new Uint8Array(100) }));
  const extension = Uint8Array.of(0x20, 0, 0xde, 0xad, 0, 8, 1, 1, 0, 1, 2, 3);
  const data = Uint8Array.of(...sent.bytes, ...extension);
  const error = rig.in(icmp(ROUTER, EXT, 11, 0, 32 << 16, { data }));
  assert.ok(error.isWhole);
  assert.deepEqual(error.bytes.slice(-extension.length), extension);
});

test('an error about nothing of ours is dropped (RFC 5508 §4.2 REQ-4)', () => {
  const rig = new Rig();
  const about = (from: string, to: string, outer = EXT) =>
    rig.in(icmp(ROUTER, outer, 3, 3, 0, { data: udp(from, to) })).reason;
  assert.equal(about(`${EXT}:5000`, `${R1}:53`), 'natUnmapped');
  rig.out(1, originals.UDP);
  assert.equal(about(`${EXT}:5001`, `${R1}:53`), 'natUnmapped');
  assert.equal(about(`${R2}:5000`, `${R1}:53`, R2), 'natUnmapped');
  assert.equal(about(`${EXT}:5000`, `${R1}:53`, '198.51.100.11'), 'natIcmpMalformed');
  assert.equal(about(`${EXT}:5000`, `${R1}:53`), undefined);
});

test('an error about a packet that the client did not send is filtered like the answer to it', () => {
  const rig = new Rig(policyWith({ filtering: 'address-dependent' }));
  rig.out(1, originals.UDP);
  const about = (to: string) => rig.in(icmp(ROUTER, EXT, 3, 3, 0, { data: udp(`${EXT}:5000`, to) })).reason;
  assert.equal(about(`${R2}:53`), 'natFiltered');
  assert.equal(about(`${R1}:54`), undefined);
});

test('an error about an echo comes back under the default filtering of ICMP', () => {
  const rig = new Rig(policyWith({ filtering: ['endpoint-independent', 'endpoint-independent', 'address-dependent'] }));
  assert.equal(bounce(rig, originals['ICMP echo'], 11, 0).verdict, Verdict.client);
});

test('what an error may not quote is dropped by its own reason', () => {
  const rig = new Rig();
  const quoting = (data: Uint8Array) => rig.in(icmp(ROUTER, EXT, 3, 3, 0, { data })).reason;
  assert.equal(quoting(new Uint8Array(20)), 'natIcmpMalformed');
  assert.equal(quoting(new Uint8Array()), 'natIcmpMalformed');
  assert.equal(quoting(udp(`${EXT}:5000`, `${R1}:53`, { flagsOffset: 9 })), 'natFragment');
  assert.equal(
    quoting(ipv4Packet({ src: ip(EXT), dst: ip(R1), protocol: 47, payload: new Uint8Array(8) })),
    'natUnsupportedProtocol',
  );
  const error = icmpMessage(3, 3, 0, new Uint8Array(28));
  assert.equal(quoting(ipv4Packet({ src: ip(EXT), dst: ip(R1), protocol: 1, payload: error })), 'natIcmpUnsupported');
});

test('no ICMP error ends a UDP mapping (RFC 4787 §8 REQ-12)', () => {
  const rig = new Rig();
  for (let code = 0; code < 16; code++) assert.equal(bounce(rig, originals.UDP, 3, code).verdict, Verdict.client);
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`)).verdict, Verdict.client);
});

test('no ICMP error ends a TCP connection (RFC 5382 §7.3 REQ-10)', () => {
  const rig = new Rig();
  const { syn, ack } = TcpFlag;
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  rig.in(tcp(`${R1}:80`, `${EXT}:5000`, syn | ack));
  for (let code = 0; code < 16; code++) {
    bounce(rig, tcp(`${C1}:5000`, `${R1}:80`, ack), 3, code);
  }
  rig.pass(minutes(120));
  assert.equal(rig.in(tcp(`${R1}:80`, `${EXT}:5000`, ack)).verdict, Verdict.client);
});

test('an error about a query neither refreshes nor ends its session (RFC 5508 §4.2 REQ-6)', () => {
  const rig = new Rig();
  const sent = rig.out(1, originals['ICMP echo']);
  rig.pass(seconds(50));
  assert.equal(rig.in(icmp(ROUTER, EXT, 11, 0, 0, { data: sent.bytes })).verdict, Verdict.client);
  rig.pass(seconds(9));
  assert.equal(rig.in(echoReply(R1, EXT, 5000)).verdict, Verdict.client);
  rig.pass(seconds(1));
  assert.equal(rig.in(echoReply(R1, EXT, 5000)).reason, 'natUnmapped');
});

test('an error from a client is translated and comes from the NAT’s address (RFC 5508 §4.2 REQ-5)', () => {
  const rig = new Rig();
  rig.out(2, udp(`${C2}:5000`, `${R1}:53`));
  rig.out(1, originals.UDP);
  const external = rig.nat.mappings(2).rows[1]!.external.port;
  const original = udp(`${R1}:53`, `${EXT}:${external}`);
  const seen = rig.in(original);
  assert.equal(seen.dst, `${C1}:5000`);
  for (const source of [C1, '10.99.0.77']) {
    const error = rig.out(1, icmp(source, R1, 3, 3, 0, { data: seen.bytes }));
    assert.deepEqual([error.verdict, error.src, error.dst, error.isWhole], [Verdict.external, EXT, R1, true]);
    assert.deepEqual(quoteOf(error.bytes), original);
  }
});

test('errors from clients do not refresh (RFC 7857 §7.1)', () => {
  const rig = new Rig();
  rig.out(1, originals.UDP);
  for (let second = 0; second < 300; second += 10) {
    const probe = rig.in(udp(`${R2}:9`, `${EXT}:5000`));
    rig.out(1, icmp(C1, R2, 3, 3, 0, { data: probe.bytes }));
    rig.pass(seconds(10));
  }
  assert.equal(rig.mappingCount, 0);
});

test('a client cannot send an error about another client’s packets', () => {
  const rig = new Rig();
  rig.out(1, originals.UDP);
  const seen = rig.in(udp(`${R1}:53`, `${EXT}:5000`));
  assert.equal(rig.out(2, icmp(C2, R1, 3, 3, 0, { data: seen.bytes })).reason, 'natUnmapped');
});

test('redirects and source quenches pass in neither direction (RFC 6633, RFC 5508 REQ-11)', () => {
  const rig = new Rig();
  const sent = rig.out(1, originals.UDP);
  for (const type of [4, 5]) {
    assert.equal(rig.in(icmp(ROUTER, EXT, type, 1, 0, { data: sent.bytes })).reason, 'natIcmpUnsupported');
    assert.equal(rig.out(1, icmp(C1, R1, type, 1, 0, { data: sent.bytes })).reason, 'natIcmpUnsupported');
  }
});

test('an echo reply from a client opens nothing', () => {
  const rig = new Rig();
  assert.equal(rig.out(1, echoReply(C1, R1, 5000)).reason, 'natUnmapped');
  assert.equal(rig.mappingCount, 0);
});

test('the test’s errors are right by themselves', () => {
  assert.equal(naiveChecksum(icmpMessage(3, 3, 0, originals.UDP)), 0);
});
