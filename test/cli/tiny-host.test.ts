// The scripted hosts of the demonstration are its judges, so they must notice whatever is wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoPacket, readPacket, tcpPacket, udpPacket } from '../../src/cli/demo/packets.ts';
import { parseHttpResponse } from '../../src/cli/demo/services.ts';
import { TinyHost } from '../../src/cli/demo/tiny-host.ts';
import { parseIp4 } from '../../src/wire/addr.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { isWholePacket } from '../wire/packets.ts';

const A = parseIp4('10.99.0.2')!;
const B = parseIp4('203.0.113.7')!;
const PATH = { src: A, srcPort: 40_000, dst: B, dstPort: 80 };
const DATA = new TextEncoder().encode('some odd text');
const SEGMENT = { flags: TcpFlag.ack | TcpFlag.psh, sequence: 0xffffffff, acknowledgment: 1, data: DATA };
const PACKETS = [
  echoPacket({ ...PATH, srcPort: 7, dstPort: 7 }, false, 1, DATA),
  udpPacket(PATH, DATA),
  tcpPacket(PATH, SEGMENT),
];

/** Two hosts on a wire; what one sends, the other has at the next `flow`. */
const hosts = (): { a: TinyHost; b: TinyHost; flow: () => void } => {
  const wire: (() => void)[] = [];
  const a: TinyHost = new TinyHost('A', A, (packet) => wire.push(() => b.deliver(packet)));
  const b: TinyHost = new TinyHost('B', B, (packet) => wire.push(() => a.deliver(packet)));
  const flow = (): void => {
    for (let hop = wire.shift(); hop !== undefined; hop = wire.shift()) hop();
  };
  return { a, b, flow };
};

test('hosts write packets whose checksums are right by the naive reckoning', () => {
  for (const packet of PACKETS) assert.ok(isWholePacket(packet));
});

test('hosts read what they wrote', () => {
  const segment = readPacket('B', PACKETS[2]!);
  assert.deepEqual(segment, { kind: 'tcp', path: PATH, segment: SEGMENT });
});

test('a host notices every single changed bit', () => {
  for (const packet of PACKETS) {
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const spoiled = packet.slice();
      spoiled[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => readPacket('B', spoiled), `bit ${bit}`);
    }
  }
});

test('a host refuses what is for somebody else, and ports that are not open', () => {
  const { a } = hosts();
  assert.throws(() => a.deliver(PACKETS[1]!), /which it is not/);
  const { b } = hosts();
  assert.throws(() => b.deliver(PACKETS[1]!), /not open/);
  assert.throws(() => b.deliver(PACKETS[2]!), /not open/);
});

test('a host answers pings and tells who asked', () => {
  const { a, b, flow } = hosts();
  a.ping(B, 7, 1, DATA);
  flow();
  assert.deepEqual(a.echoReplies, [1]);
  assert.deepEqual(b.sightings, [{ protocol: 'icmp', address: '10.99.0.2', port: 7, what: 'echo request 1' }]);
});

test('a long response comes whole over TCP, across the wrap of sequence numbers, and both sides close', () => {
  const { a, b, flow } = hosts();
  const body = 'x'.repeat(5000);
  b.onTcp(80, (text) => (text.endsWith('\r\n\r\n') ? `HTTP/1.1 200 OK\r\n\r\n${body}` : undefined));
  const connection = a.connect(40_000, B, 80, 'GET / HTTP/1.1\r\n\r\n');
  flow();
  assert.deepEqual(parseHttpResponse(connection.text), { status: 200, body });
  assert.ok(connection.isDone);
  assert.deepEqual(
    b.sightings.map((s) => s.what),
    ['GET / HTTP/1.1'],
  );
});

test('a segment out of order is noticed', () => {
  const { b, flow } = hosts();
  b.onTcp(80, () => undefined);
  const send = (flags: number, sequence: number): void =>
    b.deliver(tcpPacket(PATH, { flags, sequence, acknowledgment: 0, data: new Uint8Array(0) }));
  send(TcpFlag.syn, 5);
  assert.throws(() => send(TcpFlag.ack, 7), /was due/);
  assert.throws(flow, /opens nothing|not open/);
});
