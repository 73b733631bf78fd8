import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '../../src/base/batch.ts';
import { IcmpGenerated } from '../../src/base/counters.ts';
import { seconds } from '../../src/base/time.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { ipv4Packet } from '../wire/packets.ts';
import { echo, icmp, ip, quoteOf, Rig, tcp, udp } from './rig.ts';

const C1 = '10.99.0.2';
const EXT = '198.51.100.10';
const R1 = '93.184.216.34';
const GATEWAY = '10.99.0.1';

test('a packet whose time to live is over is answered from the gateway’s inner address (RFC 1812 §5.3.1)', () => {
  const probes = [
    udp(`${C1}:5000`, `${R1}:33434`, { ttl: 1 }),
    tcp(`${C1}:5000`, `${R1}:80`, TcpFlag.syn, { ttl: 1 }),
    echo(C1, R1, 5000, 1, { ttl: 1 }),
    echo(C1, R1, 5000, 1, { ttl: 0 }),
    udp(`${C1}:5000`, `${EXT}:5000`, { ttl: 1 }),
    udp(`${C1}:5000`, `${R1}:5000`, { ttl: 1, flagsOffset: 0x2000 }),
  ];
  for (const probe of probes) {
    const rig = new Rig();
    const answer = rig.out(1, probe);
    assert.deepEqual([answer.verdict, answer.client, answer.reason], [Verdict.client, 1, 'natTtlExpired']);
    assert.deepEqual([answer.src, answer.dst, answer.ttl, answer.isWhole], [GATEWAY, C1, 64, true]);
    assert.deepEqual([...answer.bytes.subarray(20, 22)], [11, 0]);
    assert.deepEqual([...answer.bytes.subarray(24, 28)], [0, 0, 0, 0]);
    assert.deepEqual(quoteOf(answer.bytes), probe);
    assert.equal(rig.count('icmpGenerated', IcmpGenerated.timeExceeded), 1);
    assert.equal(rig.sessionCount, 0);
  }
});

test('a time to live of two passes', () => {
  const rig = new Rig();
  const sent = rig.out(1, udp(`${C1}:5000`, `${R1}:33434`, { ttl: 2 }));
  assert.deepEqual([sent.verdict, sent.ttl], [Verdict.external, 2]);
});

test('as much of the original is quoted as fits in 576 octets (RFC 1812 §4.3.2.3)', () => {
  const rig = new Rig();
  const probe = udp(`${C1}:5000`, `${R1}:33434`, { ttl: 1, data: new Uint8Array(1300).fill(7) });
  const answer = rig.out(1, probe);
  assert.equal(answer.bytes.length, 576);
  assert.ok(answer.isWhole);
  assert.deepEqual(quoteOf(answer.bytes), probe.slice(0, 548));
});

test('no error about errors, later fragments, groups or senders that are no host (RFC 1812 §4.3.2.7)', () => {
  const silent = [
    icmp(C1, R1, 3, 3, 0, { ttl: 1 }),
    icmp(C1, R1, 11, 0, 0, { ttl: 1 }),
    ipv4Packet({ src: ip(C1), dst: ip(R1), protocol: 1, ttl: 1, payload: new Uint8Array(7) }),
    udp(`${C1}:5000`, `${R1}:5000`, { ttl: 1, flagsOffset: 1 }),
    udp(`${C1}:5000`, '224.0.0.5:5000', { ttl: 1 }),
    udp(`${C1}:5000`, '255.255.255.255:5000', { ttl: 1 }),
    udp('0.0.0.0:5000', `${R1}:5000`, { ttl: 1 }),
    udp('127.0.0.1:5000', `${R1}:5000`, { ttl: 1 }),
    udp('224.0.0.1:5000', `${R1}:5000`, { ttl: 1 }),
  ];
  const rig = new Rig();
  for (const packet of silent) {
    const refused = rig.out(1, packet);
    assert.deepEqual([refused.verdict, refused.reason], [Verdict.drop, 'natTtlExpired']);
  }
  assert.equal(rig.count('icmpGenerated', IcmpGenerated.timeExceeded), 0);
  assert.equal(rig.count('icmpSuppressed'), 0);
});

test('errors to one client are limited in rate, and another is not the poorer (RFC 1812 §4.3.2.8)', () => {
  const rig = new Rig();
  const probe = udp(`${C1}:5000`, `${R1}:33434`, { ttl: 1 });
  const answers = (client: number, n: number): number => {
    let answered = 0;
    for (let i = 0; i < n; i++) if (rig.out(client, probe).verdict === Verdict.client) answered++;
    return answered;
  };
  assert.equal(answers(1, 1000), 50);
  assert.equal(rig.count('icmpSuppressed'), 950);
  assert.equal(answers(2, 10), 10);
  rig.pass(seconds(0.1));
  assert.equal(answers(1, 1000), 5);
});
