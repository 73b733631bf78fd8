import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '../../src/base/batch.ts';
import { AllocationFailure } from '../../src/base/counters.ts';
import { Protocol } from '../../src/base/protocol.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { echo, echoReply, policyWith, Rig, tcp, udp } from './rig.ts';

const C1 = '10.99.0.2';
const EXT = '198.51.100.10';
const R1 = '93.184.216.34';
const R2 = '151.101.1.69';
const { syn, ack, rst } = TcpFlag;

test('endpoint-independent filtering lets any remote endpoint send to a mapping (RFC 4787 §5 REQ-8)', () => {
  const rig = new Rig(policyWith({ filtering: 'endpoint-independent' }));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  const stranger = rig.in(udp(`${R2}:9`, `${EXT}:5000`));
  assert.deepEqual([stranger.verdict, stranger.client, stranger.dst], [Verdict.client, 1, `${C1}:5000`]);
  assert.ok(stranger.isWhole);
});

test('UDP from a stranger leaves no session behind (RFC 6888 REQ-5)', () => {
  const rig = new Rig(policyWith({ filtering: 'endpoint-independent' }));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  for (let p = 1; p < 1000; p++) rig.in(udp(`${R2}:${p}`, `${EXT}:5000`));
  assert.equal(rig.sessionCount, 1);
});

test('address-dependent filtering lets in any port of an address that the client sent to (RFC 4787 §5 REQ-8)', () => {
  const rig = new Rig(policyWith({ filtering: 'address-dependent' }));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  assert.equal(rig.in(udp(`${R1}:999`, `${EXT}:5000`)).verdict, Verdict.client);
  assert.equal(rig.in(udp(`${R2}:53`, `${EXT}:5000`)).reason, 'natFiltered');
  rig.out(1, udp(`${C1}:5001`, `${R2}:53`));
  assert.equal(rig.in(udp(`${R2}:53`, `${EXT}:5000`)).reason, 'natFiltered');
});

test('an address stays admitted until the last session with it is gone', () => {
  const rig = new Rig(policyWith({ filtering: 'address-dependent' }));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.pass(minutes(4));
  rig.out(1, udp(`${C1}:5000`, `${R1}:54`));
  rig.pass(minutes(4));
  assert.equal(rig.sessionCount, 1);
  assert.equal(rig.in(udp(`${R1}:999`, `${EXT}:5000`)).verdict, Verdict.client);
  rig.out(1, udp(`${C1}:5000`, `${R2}:54`));
  rig.pass(minutes(4));
  assert.equal(rig.in(udp(`${R1}:999`, `${EXT}:5000`)).reason, 'natFiltered');
});

test('address-and-port-dependent filtering lets in only what the client sent to (RFC 4787 §5 REQ-8)', () => {
  const rig = new Rig(policyWith({ filtering: 'address-and-port-dependent' }));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  assert.equal(rig.in(udp(`${R1}:53`, `${EXT}:5000`)).verdict, Verdict.client);
  assert.equal(rig.in(udp(`${R1}:54`, `${EXT}:5000`)).reason, 'natFiltered');
});

test('filtering is set for each protocol apart (RFC 5382 §4 REQ-3b, RFC 7857 §6)', () => {
  const rig = new Rig(
    policyWith({ filtering: ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] }),
  );
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  rig.out(1, echo(C1, R1, 5000));
  assert.equal(rig.in(udp(`${R2}:53`, `${EXT}:5000`)).verdict, Verdict.client);
  assert.equal(rig.in(tcp(`${R2}:80`, `${EXT}:5000`, syn)).reason, 'natFiltered');
  assert.equal(rig.in(tcp(`${R1}:81`, `${EXT}:5000`, syn)).verdict, Verdict.client);
  assert.equal(rig.in(echoReply(R2, EXT, 5000)).reason, 'natFiltered');
  assert.equal(rig.in(echoReply(R1, EXT, 5000)).verdict, Verdict.client);
});

test('one protocol’s address-dependent filtering is not another’s', () => {
  const rig = new Rig(
    policyWith({ filtering: ['address-and-port-dependent', 'address-dependent', 'address-dependent'] }),
  );
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  assert.equal(rig.in(udp(`${R1}:54`, `${EXT}:5000`)).reason, 'natFiltered');
  assert.equal(rig.in(tcp(`${R1}:81`, `${EXT}:5000`, syn)).verdict, Verdict.client);
});

test('a remote host may connect to a TCP mapping (RFC 5382 §4 REQ-3)', () => {
  const rig = new Rig();
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  const opened = rig.in(tcp(`${R2}:7777`, `${EXT}:5000`, syn));
  assert.deepEqual(
    [opened.verdict, opened.client, opened.dst, opened.isWhole],
    [Verdict.client, 1, `${C1}:5000`, true],
  );
  const answer = rig.out(1, tcp(`${C1}:5000`, `${R2}:7777`, syn | ack));
  assert.deepEqual([answer.verdict, answer.src], [Verdict.external, `${EXT}:5000`]);
  assert.equal(rig.in(tcp(`${R2}:7777`, `${EXT}:5000`, ack)).verdict, Verdict.client);
});

test('a simultaneous open passes both SYNs and both SYN/ACKs (RFC 5382 §4 REQ-2)', () => {
  const rig = new Rig(policyWith({ filtering: 'address-and-port-dependent' }));
  assert.equal(rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn)).verdict, Verdict.external);
  assert.equal(rig.in(tcp(`${R1}:80`, `${EXT}:5000`, syn)).verdict, Verdict.client);
  assert.equal(rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn | ack)).verdict, Verdict.external);
  assert.equal(rig.in(tcp(`${R1}:80`, `${EXT}:5000`, syn | ack)).verdict, Verdict.client);
  assert.equal(rig.nat.sessions(1, 0, rig.now).rows[0]!.state, 'established');
});

test('a segment that opens nothing and belongs to no session is dropped, both ways', () => {
  const rig = new Rig();
  for (const flags of [0, ack, syn | ack, rst, rst | ack, syn | rst]) {
    assert.equal(rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, flags)).reason, 'natNotSyn');
  }
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  assert.equal(rig.in(tcp(`${R2}:80`, `${EXT}:5000`, ack)).reason, 'natNotSyn');
  assert.equal(rig.in(tcp(`${R2}:80`, `${EXT}:5001`, ack)).reason, 'natUnmapped');
});

test('an unsolicited SYN is dropped in silence and harms no later outbound one (RFC 5382 §4 REQ-4)', () => {
  const rig = new Rig(policyWith({ filtering: 'address-and-port-dependent' }));
  assert.equal(rig.in(tcp(`${R1}:80`, `${EXT}:5000`, syn)).verdict, Verdict.drop);
  rig.pass(seconds(3));
  assert.equal(rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn)).src, `${EXT}:5000`);
  assert.equal(rig.in(tcp(`${R1}:80`, `${EXT}:5000`, syn)).verdict, Verdict.client);
});

test('a flood of SYNs takes no more than a quarter of the client’s sessions', () => {
  const rig = new Rig(policyWith({ quota: { sessions: 100 } }));
  rig.out(1, tcp(`${C1}:5000`, `${R1}:80`, syn));
  let admitted = 0;
  for (let p = 1; p <= 200; p++)
    if (rig.in(tcp(`${R2}:${p}`, `${EXT}:5000`, syn)).verdict === Verdict.client) admitted++;
  assert.equal(admitted, 25);
  assert.equal(rig.in(tcp(`${R2}:201`, `${EXT}:5000`, syn)).reason, 'natQuotaSessions');
  // Those that the client answers make room for more, and those that it does not are gone after the transitory timeout.
  rig.out(1, tcp(`${C1}:5000`, `${R2}:7`, syn | ack));
  assert.equal(rig.in(tcp(`${R2}:202`, `${EXT}:5000`, syn)).verdict, Verdict.client);
  rig.pass(minutes(4));
  assert.equal(rig.sessionCount, 1);
  assert.equal(rig.in(tcp(`${R2}:203`, `${EXT}:5000`, syn)).verdict, Verdict.client);
});

test('SYNs from strangers at many clients take no more than an eighth of the session table (RFC 6888 REQ-5)', () => {
  const rig = new Rig(policyWith({ capacity: { sessions: 80 } }));
  const clients = [1, 2, 3, 4, 5, 6, 7, 8];
  for (const c of clients) rig.out(c, tcp(`10.99.0.${c}:${5000 + c}`, `${R1}:80`, syn));
  const strange = (c: number, p: number) => rig.in(tcp(`${R2}:${p}`, `${EXT}:${5000 + c}`, syn));
  /** How many of 160 SYNs, the same number at each client, are let in. */
  const flood = (from: number): number => {
    let admitted = 0;
    for (let p = from; p < from + 20; p++)
      for (const c of clients) if (strange(c, p).verdict === Verdict.client) admitted++;
    return admitted;
  };
  assert.equal(flood(100), 10);
  assert.equal(rig.count('natAllocationFailures', AllocationFailure.tableFull), 150);
  assert.equal(strange(1, 1).reason, 'natTableFull');
  // The clients have the rest of the table to themselves.
  for (const c of clients) {
    assert.equal(rig.out(c, tcp(`10.99.0.${c}:${5000 + c}`, `${R1}:81`, syn)).verdict, Verdict.external);
    assert.equal(rig.out(c, udp(`10.99.0.${c}:6000`, `${R1}:53`)).verdict, Verdict.external);
  }
  // What is answered, goes with its client or is idle for too long makes room for as much, and for no more.
  rig.out(1, tcp('10.99.0.1:5001', `${R2}:100`, syn | ack));
  assert.equal(flood(200), 1);
  rig.nat.closeClient(8, rig.now);
  assert.equal(flood(300), 1);
  rig.pass(minutes(3));
  for (const c of clients) rig.out(c, tcp(`10.99.0.${c}:${5000 + c}`, `${R1}:80`, syn));
  rig.pass(minutes(1));
  assert.equal(flood(400), 10);
});

test('a mapping keeps its external endpoint and filtering at any fill of the pool (RFC 4787 §7 REQ-11)', () => {
  for (const fill of [0, 50, 99]) {
    const rig = new Rig(policyWith({ low: 10_000, high: 10_099, quota: { ports: 200 } }));
    for (let p = 0; p < fill; p++) rig.out(2, udp(`10.99.0.3:${20_000 + p}`, `${R1}:53`));
    const seen = [`${R1}:53`, `${R1}:54`, `${R2}:53`].map((to) => rig.out(1, udp(`${C1}:5000`, to)).src);
    assert.equal(new Set(seen).size, 1);
    assert.equal(rig.in(udp('8.8.8.8:1', seen[0]!)).client, 1);
  }
});

test('a changed policy filters existing mappings by its own rule', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.nat.applyPolicy(policyWith({ filtering: 'address-dependent' }), rig.now);
  assert.equal(rig.in(udp(`${R1}:999`, `${EXT}:5000`)).verdict, Verdict.client);
  assert.equal(rig.in(udp(`${R2}:53`, `${EXT}:5000`)).reason, 'natFiltered');
  rig.nat.applyPolicy(policyWith({ filtering: 'endpoint-independent' }), rig.now);
  assert.equal(rig.in(udp(`${R2}:53`, `${EXT}:5000`)).verdict, Verdict.client);
  rig.pass(minutes(5));
  assert.equal(rig.sessionCount, 0);
});

test('a changed pool keeps what still has its external endpoint and closes the rest', () => {
  const rig = new Rig(policyWith({ pool: ['198.51.100.10', '198.51.100.11'] }));
  const kept = rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  const moved = rig.out(2, udp('10.99.0.3:5000', `${R1}:53`));
  rig.out(1, udp(`${C1}:2000`, `${R1}:53`));
  assert.notEqual(kept.src.split(':')[0], moved.src.split(':')[0]);
  const [address] = kept.src.split(':');
  rig.nat.applyPolicy(policyWith({ pool: ['203.0.113.5', address!], low: 4000, high: 6000 }), rig.now);
  assert.equal(rig.mappingCount, 1);
  assert.equal(rig.in(udp(`${R1}:53`, kept.src)).client, 1);
  assert.equal(rig.in(udp(`${R1}:53`, moved.src)).reason, 'natUnmapped');
  assert.equal(rig.out(1, udp(`${C1}:5001`, `${R1}:53`)).src, `${address}:5001`);
  assert.equal(rig.out(2, udp('10.99.0.3:5000', `${R1}:53`)).src, '203.0.113.5:5000');
  // Nobody gets the kept port a second time, and it is given back to the new pool.
  assert.notEqual(rig.out(3, udp('10.99.0.4:5000', `${R1}:53`)).src, kept.src);
  rig.nat.closeClient(1, rig.now);
  assert.deepEqual(
    rig.nat.pools(2).rows.map((p) => [p.used[Protocol.udp], p.heldDown[Protocol.udp]]),
    [
      [2, 0],
      [0, 2],
    ],
  );
});

test('a session whose remote endpoint joins or leaves the pool is a hairpin or no longer one', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.nat.applyPolicy(policyWith({ pool: [EXT, R1] }), rig.now);
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:53`)).reason, 'natUnmapped');
  rig.nat.applyPolicy(policyWith(), rig.now);
  assert.equal(rig.out(1, udp(`${C1}:5000`, `${R1}:53`)).verdict, Verdict.external);
});

test('a changed pool is no way around the hold-down (RFC 6888 REQ-8)', () => {
  const rig = new Rig(policyWith({ low: 2000, high: 2000 }));
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.nat.closeClient(1, rig.now);
  rig.pass(seconds(60));
  rig.nat.applyPolicy(policyWith({ low: 2000, high: 2001 }), rig.now);
  assert.equal(rig.count('natPortsHeldDown', Protocol.udp), 1);
  assert.equal(rig.out(1, udp(`${C1}:2000`, `${R1}:53`)).src, `${EXT}:2001`);
  rig.pass(seconds(60));
  assert.equal(rig.out(1, udp(`${C1}:2002`, `${R1}:53`)).src, `${EXT}:2000`);
});

test('a changed timeout holds for existing sessions', () => {
  const rig = new Rig();
  rig.out(1, udp(`${C1}:5000`, `${R1}:53`));
  rig.pass(minutes(3));
  rig.nat.applyPolicy(policyWith({ timeouts: { udp: minutes(2) } }), rig.now);
  rig.pass(seconds(0));
  assert.equal(rig.sessionCount, 0);
});
