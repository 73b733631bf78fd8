import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '../../src/base/batch.ts';
import { Direction, Protocol } from '../../src/base/protocol.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { ipv4Packet } from '../wire/packets.ts';
import { echo, echoReply, icmp, ip, policyWith, Rig, tcp, udp } from './rig.ts';

const C1 = '10.99.0.2';
const C2 = '10.99.0.3';
const EXT = '198.51.100.10';
const R1 = '93.184.216.34';
const R2 = '151.101.1.69';
const { syn, ack, fin, rst } = TcpFlag;

test('a UDP packet leaves from an external endpoint and its answer comes back to the client', () => {
  const rig = new Rig();
  const sent = rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  assert.deepEqual([sent.verdict, sent.src, sent.dst], [Verdict.external, `${EXT}:5000`, `${R1}:53`]);
  assert.ok(sent.isWhole);
  const answer = rig.in(udp(`${R1}:53`, `${EXT}:5000`));
  assert.deepEqual([answer.verdict, answer.client], [Verdict.client, 1]);
  assert.deepEqual([answer.src, answer.dst], [`${R1}:53`, `${C1}:5000`]);
  assert.ok(answer.isWhole);
  assert.equal(rig.count('relayPackets', Direction.outbound * 3 + Protocol.udp), 1);
  assert.equal(rig.count('relayPackets', Direction.inbound * 3 + Protocol.udp), 1);
  assert.equal(rig.count('relayBytes', Direction.inbound * 3 + Protocol.udp), answer.bytes.length);
});

test('an internal endpoint keeps one external endpoint for every destination (RFC 4787 §4.1 REQ-1)', () => {
  const rig = new Rig();
  rig.out(2, udp(`${C2}:5000`, `${R1}:53`));
  const seen = [`${R1}:53`, `${R1}:54`, `${R2}:53`].map((to) => rig.out(1, udp(`${C1}:5000`, to)).src);
  assert.equal(new Set(seen).size, 1);
  assert.notEqual(seen[0], `${EXT}:5000`);
  assert.equal(rig.mappingCount, 2);
  assert.equal(rig.sessionCount, 4);
});

test('an internal TCP endpoint keeps one external endpoint for every destination (RFC 5382 §4 REQ-1)', () => {
  const rig = new Rig();
  rig.out(2, tcp(`${C2}:5000`, `${R1}:80`, syn));
  const seen = [`${R1}:80`, `${R1}:81`, `${R2}:80`].map((to) => rig.out(1, tcp(`${C1}:5000`, to, syn)).src);
  assert.equal(new Set(seen).size, 1);
  assert.notEqual(seen[0], `${EXT}:5000`);
});

test('an ICMP query id keeps one external id for every destination (RFC 5508 §3 REQ-1)', () => {
  const rig = new Rig();
  const other = rig.out(2, echo(C2, R1, 1077)).src;
  const seen = [R1, R2].map((to) => rig.out(1, echo(C1, to, 1077)).src);
  assert.equal(new Set(seen).size, 1);
  assert.notEqual(seen[0], other);
  const reply = rig.in(echoReply(R2, EXT, Number(seen[0]!.split(':')[1])));
  assert.deepEqual([reply.verdict, reply.client, reply.dst, reply.isWhole], [Verdict.client, 1, `${C1}:1077`, true]);
});

test('a mapping is per transport protocol (RFC 7857 §5)', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  assert.equal(rig.in(tcp(`${R1}:53`, `${EXT}:5000`, syn)).reason, 'natUnmapped');
  assert.equal(rig.in(echo(R1, EXT, 5000)).reason, 'natUnmapped');
  assert.equal(rig.out(2, tcp(`${C2}:5000`, `${R1}:53`, syn)).src, `${EXT}:5000`);
});

test('a client stays on one external address (RFC 4787 §4.1 REQ-2, RFC 6888 REQ-2)', () => {
  const rig = new Rig(policyWith({ pool: ['198.51.100.10', '198.51.100.99', '203.0.113.7'] }));
  const addresses = new Map<number, Set<string>>();
  for (let flow = 0; flow < 200; flow++) {
    for (const client of [1, 2, 3]) {
      const out = rig.out(client, udp(`10.99.0.${client}:${2000 + flow}`, `${R1}:53`));
      const seen = addresses.get(client) ?? new Set();
      addresses.set(client, seen.add(out.src.split(':')[0]!));
    }
  }
  assert.deepEqual(
    [...addresses.values()].map((s) => s.size),
    [1, 1, 1],
  );
  assert.equal(new Set([...addresses.values()].flatMap((s) => [...s])).size, 3);
});

test('two clients never share an external endpoint, even for different destinations (RFC 4787 §4.2.1 REQ-3)', () => {
  const rig = new Rig();
  const a = rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  const b = rig.out(2, udp(`${C2}:5000`, `${R2}:53`));
  assert.notEqual(a.src, b.src);
  assert.equal(rig.in(udp(`${R1}:53`, a.src)).client, 1);
  assert.equal(rig.in(udp(`${R2}:53`, b.src)).client, 2);
});

test('two clients never share an external TCP endpoint (RFC 5382 §7.1 REQ-7)', () => {
  const rig = new Rig();
  const a = rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  const b = rig.out(2, tcp(`${C2}:5000`, `${R2}:80`, syn));
  assert.notEqual(a.src, b.src);
  assert.equal(rig.in(tcp(`${R2}:80`, b.src, syn | ack)).client, 2);
});

test('the class of a source port is kept (RFC 4787 §4.2.2 REQ-3a)', () => {
  const rig = new Rig(policyWith({ low: 1, high: 65535 }));
  for (const port of [500, 40000]) {
    rig.out(1, udp(`${C1}:${port}`, `${R1}:1`));
    const changed = Number(rig.out(2, udp(`${C2}:${port}`, `${R1}:1`)).src.split(':')[1]);
    assert.notEqual(changed, port);
    assert.equal(changed < 1024, port < 1024);
  }
});

test('a UDP mapping lives as long as configured and no longer (RFC 4787 §4.3 REQ-5)', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.pass(seconds(299));
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`)).verdict, Verdict.client);
  rig.pass(seconds(1));
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`)).reason, 'natUnmapped');
  assert.deepEqual([rig.sessionCount, rig.mappingCount], [0, 0]);
});

test('a mapping is refreshed by outbound packets (RFC 4787 §4.3 REQ-6)', () => {
  const rig = new Rig();
  for (let minute = 0; minute < 10; minute++) {
    assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:53`)).src, `${EXT}:5000`);
    assert.equal(rig.count('natSessionsCreated', Protocol.udp), 1);
    rig.pass(minutes(1));
  }
});

test('a mapping is not refreshed by inbound packets, solicited or not (RFC 4787 §4.3 REQ-6, RFC 7857 §7)', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.out(1, echo(C1, R1, 5000));
  for (let second = 0; second < 290; second += 10) {
    assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`)).verdict, Verdict.client);
    assert.equal(rig.in(udp(`${R2}:9`, `${EXT}:5000`)).verdict, Verdict.client);
    rig.in(echoReply(R1, EXT, 5000));
    rig.pass(seconds(10));
  }
  rig.pass(seconds(10));
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`)).reason, 'natUnmapped');
});

test('an ICMP query session lives 60 s (RFC 5508 §3.2 REQ-2)', () => {
  const rig = new Rig();
  rig.out(1, echo(C1, R1, 5000));
  rig.pass(seconds(59));
  assert.equal(rig.in(echoReply(R1, EXT, 5000)).verdict, Verdict.client);
  rig.pass(seconds(1));
  assert.equal(rig.in(echoReply(R1, EXT, 5000)).reason, 'natUnmapped');
});

test('a refreshed session that has not moved in its list still expires on time, and late by a 64th at the most', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.pass(seconds(2));
  rig.out(1, udp(`${C1}:5001`, `${R1}:53`));
  rig.pass(seconds(2));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.pass(seconds(299));
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`)).verdict, Verdict.client);
  rig.pass(seconds(1));
  assert.equal(rig.sessionCount, 0);
});

test('a busy session holds up the expiry of an idle one by no more than a 64th of the timeout', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.pass(seconds(1));
  rig.out(1, udp(`${C1}:5001`, `${R1}:53`));
  for (let second = 1; second < 299; second += 2) {
    rig.pass(seconds(2));
    rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  }
  rig.pass(seconds(2 + 300 / 64));
  assert.deepEqual([rig.sessionCount, rig.mappingCount], [1, 1]);
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5001`)).reason, 'natUnmapped');
});

test('a new mapping is refused to a client past its quota of ports, and existing ones go on (RFC 6888 REQ-4, REQ-11d)', () => {
  const rig = new Rig(policyWith({ quota: { ports: 10 } }));
  for (let p = 0; p < 10; p++) assert.equal(rig.out(1, udp(`${C1}:${5000 + p}`, `${R1}:53`)).verdict, Verdict.external);
  assert.equal(rig.out(1, udp(`${C1}:5010`, `${R1}:53`)).reason, 'natQuotaPorts');
  assert.equal(rig.count('natAllocationFailures', 0), 1);
  assert.equal(rig.out(1, udp(`${C1}:5003`, `${R2}:53`)).verdict, Verdict.external);
  assert.equal(rig.out(2, udp(`${C2}:5010`, `${R1}:53`)).verdict, Verdict.external);
  rig.pass(minutes(5));
  assert.equal(rig.out(1, udp(`${C1}:5010`, `${R1}:53`)).verdict, Verdict.external);
});

test('a new session is refused to a client past its quota of sessions (RFC 6888 REQ-5)', () => {
  const rig = new Rig(policyWith({ quota: { sessions: 3 } }));
  for (let p = 0; p < 3; p++) assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:${p}`)).verdict, Verdict.external);
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:3`)).reason, 'natQuotaSessions');
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:1`)).verdict, Verdict.external);
  rig.pass(minutes(5));
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:3`)).verdict, Verdict.external);
});

test('a client that opens sessions faster than its quota is refused until a second has passed (RFC 6888 REQ-4c)', () => {
  const rig = new Rig(policyWith({ quota: { newSessionsPerSecond: 10 } }));
  for (let p = 0; p < 10; p++) assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:${p}`)).verdict, Verdict.external);
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:10`)).reason, 'natQuotaRate');
  rig.pass(seconds(1));
  for (let p = 10; p < 20; p++) assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:${p}`)).verdict, Verdict.external);
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:20`)).reason, 'natQuotaRate');
});

test('when no port is left the new flow is refused and the old ones go on (RFC 6888 REQ-11)', () => {
  const rig = new Rig(policyWith({ low: 2000, high: 2099, pool: ['198.51.100.10', '198.51.100.11'] }));
  const open = (p: number) => rig.out(1, udp(`${C1}:${5000 + p}`, `${R1}:53`));
  const sources = new Set(Array.from({ length: 100 }, (_, p) => open(p).src));
  assert.equal(sources.size, 100);
  // The paired address is full; another one is not used in its place (RFC 7857 §4).
  assert.equal(open(100).reason, 'natPortsExhausted');
  for (let p = 0; p < 100; p++) assert.equal(open(p).verdict, Verdict.external);
  assert.equal(rig.out(2, udp(`${C2}:5000`, `${R1}:53`)).verdict, Verdict.external);
});

test('a full session table refuses and evicts nothing (RFC 6888 REQ-11d)', () => {
  const rig = new Rig(policyWith({ capacity: { sessions: 5 } }));
  for (let p = 0; p < 5; p++) rig.out(1, udp(`${C1}:5000`, `${R1}:${p}`));
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:5`)).reason, 'natTableFull');
  for (let p = 0; p < 5; p++) assert.equal(rig.in(udp(`${R1}:${p}`, `${EXT}:5000`)).verdict, Verdict.client);
});

test('a full mapping table refuses and evicts nothing (RFC 6888 REQ-11d)', () => {
  const rig = new Rig(policyWith({ capacity: { mappings: 2 } }));
  for (let p = 0; p < 2; p++) rig.out(1, udp(`${C1}:${5000 + p}`, `${R1}:53`));
  assert.equal(rig.out(1, udp(`${C1}:5002`, `${R1}:53`)).reason, 'natTableFull');
  assert.equal(rig.out(1, udp(`${C1}:5001`, `${R2}:53`)).verdict, Verdict.external);
});

test('a released port rests for the hold-down time (RFC 6888 REQ-8)', () => {
  const rig = new Rig(policyWith({ low: 2000, high: 2000 }));
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:53`)).src, `${EXT}:2000`);
  rig.pass(minutes(5));
  assert.deepEqual([rig.count('natPortsUsed'), rig.count('natPortsHeldDown')], [0, 1]);
  rig.pass(seconds(119));
  assert.equal(rig.out(2, udp(`${C2}:5000`, `${R1}:53`)).reason, 'natPortsExhausted');
  rig.pass(seconds(1));
  assert.equal(rig.out(2, udp(`${C2}:5000`, `${R1}:53`)).src, `${EXT}:2000`);
});

test('the pool may have any shape (RFC 6888 REQ-3)', () => {
  const pool = ['198.51.100.10', '203.0.113.77', '192.0.2.1', '8.0.0.0', '8.0.0.1', '8.0.0.2', '8.0.0.3'];
  const rig = new Rig(policyWith({ pool }));
  const used = pool.map((_, c) => rig.out(c, udp(`10.99.0.${c}:5000`, `${R1}:53`)).src.split(':')[0]);
  assert.deepEqual(used.toSorted(), pool.toSorted());
  for (const [c, address] of used.entries()) assert.equal(rig.in(udp(`${R1}:53`, `${address}:5000`)).client, c);
});

test('what the NAT does not translate is dropped with its reason (RFC 6888 REQ-1)', () => {
  const rig = new Rig();
  const sctp = ipv4Packet({ src: ip(C1), dst: ip(R1), protocol: 132, payload: new Uint8Array(12) });
  assert.equal(rig.out(1, sctp).reason, 'natUnsupportedProtocol');
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:53`, { flagsOffset: 0x2000 })).reason, 'natFragment');
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:53`, { flagsOffset: 1 })).reason, 'natFragment');
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`, { flagsOffset: 1 })).reason, 'natFragment');
  assert.equal(rig.in(icmp(R1, EXT, 5, 1, 0)).reason, 'natIcmpUnsupported');
  assert.equal(rig.in(icmp(R1, EXT, 13, 0, 0)).reason, 'natIcmpUnsupported');
  assert.equal(rig.in(Uint8Array.of(0x60, 0, 0, 0)).reason, 'innerUnsupported');
  assert.equal(rig.in(Uint8Array.of(0x45, 0, 0, 0)).reason, 'innerMalformed');
  assert.equal(rig.in(new Uint8Array()).reason, 'innerMalformed');
});

test('a UDP checksum of zero stays zero (RFC 768)', () => {
  const rig = new Rig();
  const sent = rig.out(1, udp(`${C1}:5000`, `${R1}:53`, { withChecksum: false }));
  assert.equal(sent.verdict, Verdict.external);
  assert.deepEqual([...sent.bytes.subarray(26, 28)], [0, 0]);
});

test('IP options are carried and skipped', () => {
  const rig = new Rig();
  const sent = rig.out(1, udp(`${C1}:5000`, `${R1}:53`, { options: Uint8Array.of(1, 1, 1, 0) }));
  assert.ok(sent.isWhole);
  assert.equal(sent.src, `${EXT}:5000`);
});

test('packets of one new session in one batch open it once', () => {
  const rig = new Rig();
  const same = udp(`${C1}:5000`, `${R1}:53`);
  const all = rig.outAll([
    [1, same],
    [2, udp(`${C2}:5000`, `${R1}:53`)],
    [1, same],
    [1, udp(`${C1}:5000`, `${R2}:53`)],
    [1, same],
  ]);
  assert.equal(rig.sessionCount, 3);
  assert.equal(rig.mappingCount, 2);
  assert.equal(new Set([0, 2, 3, 4].map((i) => all[i]!.src)).size, 1);
  assert.ok(all.every((o) => o.verdict === Verdict.external && o.isWhole));
});

test('SYNs of one stranger in one batch open one session', () => {
  const rig = new Rig();
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  const stranger = tcp(`${R2}:9`, `${EXT}:5000`, syn);
  const all = rig.inAll([stranger, stranger, stranger]);
  assert.ok(all.every((o) => o.verdict === Verdict.client && o.isWhole));
  assert.equal(rig.sessionCount, 2);
});

test('octets behind an inbound packet are not carried on', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  const packet = udp(`${R1}:53`, `${EXT}:5000`);
  assert.equal(rig.in(Uint8Array.of(...packet, 1, 2, 3)).bytes.length, packet.length);
});

test('a new client gets the external address with the fewest clients', () => {
  const rig = new Rig(policyWith({ pool: ['198.51.100.10', '198.51.100.11'] }));
  const address = (client: number) => rig.out(client, udp(`10.99.0.${client}:5000`, `${R1}:53`)).src.split(':')[0];
  const first = address(1);
  const second = address(2);
  assert.notEqual(first, second);
  rig.nat.closeClient(2, rig.now);
  assert.equal(address(3), second);
});

test('closing a client closes its mappings and holds their ports down', () => {
  const rig = new Rig(policyWith({ low: 2000, high: 2002 }));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  const theirs = rig.out(2, udp(`${C2}:5000`, `${R1}:53`));
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  rig.nat.closeClient(1, rig.now);
  assert.deepEqual([rig.sessionCount, rig.mappingCount], [1, 1]);
  assert.equal(rig.count('natPortsHeldDown', Protocol.udp), 1);
  assert.equal(rig.in(udp(`${R1}:53`, theirs.src)).client, 2);
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:53`)).verdict, Verdict.external);
});

test('a session whose address now belongs to another client carries nothing for it', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  assert.equal(rig.out(2, udp(`${C1}:5000`, `${R1}:53`)).reason, 'innerSourceSpoofed');
  assert.equal(rig.out(2, udp(`${C1}:5000`, `${R2}:53`)).reason, 'innerSourceSpoofed');
  assert.equal(rig.sessionCount, 1);
  rig.out(1, echo(C1, R1, 77));
  assert.equal(rig.out(2, echoReply(C1, R1, 77)).reason, 'natUnmapped');
  assert.equal(rig.out(1, echoReply(C1, R1, 77)).verdict, Verdict.external);
});

test('a stranger’s session goes with the mapping, however it was kept alive (RFC 7857 §7)', () => {
  const rig = new Rig();
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  rig.pass(minutes(3));
  assert.equal(rig.in(tcp(`${R2}:1000`, `${EXT}:5000`, syn)).verdict, Verdict.client);
  assert.equal(rig.sessionCount, 2);
  // The client's RST to the stranger refreshes nothing (RFC 7857 §7.1).
  assert.equal(rig.out(1, tcp(`${C1}:5000`, `${R2}:1000`, rst | ack)).verdict, Verdict.external);
  rig.pass(minutes(1));
  assert.deepEqual([rig.sessionCount, rig.mappingCount], [0, 0]);
});

test('a client’s answer to a stranger’s SYN keeps the mapping for that connection', () => {
  const rig = new Rig();
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  rig.in(tcp(`${R2}:1000`, `${EXT}:5000`, syn));
  rig.out(1, tcp(`${C1}:5000`, `${R2}:1000`, syn | ack));
  rig.pass(minutes(120));
  assert.deepEqual([rig.sessionCount, rig.mappingCount], [1, 1]);
  assert.equal(rig.in(tcp(`${R2}:1000`, `${EXT}:5000`, ack)).verdict, Verdict.client);
  assert.equal(rig.in(tcp(`${R2}:1000`, `${EXT}:5000`, fin | ack)).verdict, Verdict.client);
});
