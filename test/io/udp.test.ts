// Real sockets on loopback. Datagrams between two UdpQueues of one process are delivered before sendmmsg returns, so nothing waits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PACKET_SIZE, PacketBatch, Verdict } from '../../src/base/batch.ts';
import { DropReason, dropReasonNames } from '../../src/base/drop-reason.ts';
import { ENDPOINT_WORDS, EndpointWord } from '../../src/base/endpoint.ts';
import { close } from '../../src/io/native.ts';
import { endpointOf, Family, formatAddress, formatRemote } from '../../src/io/socket-address.ts';
import { UdpQueue } from '../../src/io/udp-queue.ts';
import { openUdpSocket, type UdpSocket, type UdpSocketOptions } from '../../src/io/udp-socket.ts';

const batchOf = (capacity: number): PacketBatch => new PacketBatch(capacity, new Float64Array(dropReasonNames.length));

/** A socket with its queue, closed when its scope ends. */
class Party {
  readonly socket: UdpSocket;
  readonly queue: UdpQueue;
  readonly number: number;

  constructor(address: string, number = 0, options: Partial<UdpSocketOptions> = {}) {
    this.socket = openUdpSocket({ address, port: 0, ...options });
    this.number = number;
    this.queue = new UdpQueue(this.socket.fd, this.socket.family, number);
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }

  /** Puts a datagram for `to` into `b`. */
  address(b: PacketBatch, bytes: Uint8Array, to: Uint32Array): void {
    b.arena.bytes.set(bytes, b.slot(b.count));
    const i = b.accept(bytes.length);
    b.verdict[i] = Verdict.client;
    b.endpoint.set(to, i * ENDPOINT_WORDS);
    b.endpoint[i * ENDPOINT_WORDS + EndpointWord.socket] = this.number;
  }

  /** Sends one datagram a batch. */
  send(bytes: Uint8Array, to: Uint32Array): PacketBatch {
    const b = batchOf(1);
    this.address(b, bytes, to);
    this.queue.send(b);
    return b;
  }
}

const contentOf = (b: PacketBatch, i: number): Uint8Array => b.arena.bytes.slice(b.at[i], b.end[i]);
const localOf = (family: Family, b: PacketBatch, i: number): string =>
  formatAddress(family, b.endpoint, i * ENDPOINT_WORDS + EndpointWord.localAddress);
const octets = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, n) => (n * 31 + seed) & 255);

for (const [name, loopback, wildcard] of [
  ['IPv4', '127.0.0.1', '0.0.0.0'],
  ['IPv6', '::1', '::'],
] as const) {
  test(`a datagram arrives over ${name} with its endpoint, and its answer goes back`, () => {
    using client = new Party(loopback);
    using server = new Party(loopback, 3);
    client.send(octets(1400, 1), endpointOf(0, loopback, server.socket.port, loopback));
    const b = batchOf(4);
    assert.equal(server.queue.receive(b), 1);
    assert.deepEqual(contentOf(b, 0), octets(1400, 1));
    assert.equal(b.at[0], b.slot(0));
    assert.equal(b.verdict[0], Verdict.pending);
    const expected = endpointOf(3, loopback, client.socket.port, loopback);
    assert.deepEqual(b.endpoint.slice(0, ENDPOINT_WORDS), expected);

    b.verdict[0] = Verdict.client;
    server.queue.send(b);
    const answer = batchOf(4);
    assert.equal(client.queue.receive(answer), 1);
    assert.deepEqual(contentOf(answer, 0), octets(1400, 1));
    assert.equal(answer.endpoint[EndpointWord.remotePort], server.socket.port);
  });

  test(`datagrams of every length to a slot’s size arrive over ${name} unchanged, an empty one included`, () => {
    using client = new Party(loopback);
    using server = new Party(wildcard);
    const to = endpointOf(0, loopback, server.socket.port, loopback);
    const lengths = [0, 1, 2, 17, 1399, 1472, 1600, PACKET_SIZE - 1, PACKET_SIZE];
    for (const length of lengths) client.send(octets(length, length), to);
    const b = batchOf(16);
    assert.equal(server.queue.receive(b), lengths.length);
    for (const [i, length] of lengths.entries()) assert.deepEqual(contentOf(b, i), octets(length, length));
    assert.equal(b.drops[DropReason.satpTruncated], 0);
  });
}

test('a wildcard socket answers from the very address the client wrote to', () => {
  using client = new Party('127.0.0.1');
  using server = new Party('0.0.0.0');
  client.send(octets(9, 9), endpointOf(0, '127.0.0.2', server.socket.port, '127.0.0.1'));
  const b = batchOf(1);
  server.queue.receive(b);
  assert.equal(localOf(Family.inet, b, 0), '127.0.0.2');
  b.verdict[0] = Verdict.client;
  server.queue.send(b);
  const answer = batchOf(1);
  assert.equal(client.queue.receive(answer), 1);
  assert.equal(formatRemote(Family.inet, answer.endpoint, 0), `127.0.0.2:${server.socket.port}`);
});

test('a datagram that is longer than a slot is dropped and counted, its neighbours are not', () => {
  using client = new Party('127.0.0.1');
  using server = new Party('127.0.0.1');
  const to = endpointOf(0, '127.0.0.1', server.socket.port, '127.0.0.1');
  client.send(octets(10, 1), to);
  // Two slots are one run of memory, so that a batch can send what it could not receive.
  const long = batchOf(2);
  client.address(long, octets(10, 2), to);
  long.end[0] = long.at[0]! + PACKET_SIZE + 1;
  client.queue.send(long);
  client.send(octets(10, 3), to);
  const b = batchOf(4);
  assert.equal(server.queue.receive(b), 3);
  assert.deepEqual([...b.verdict.subarray(0, 3)], [Verdict.pending, Verdict.drop, Verdict.pending]);
  assert.equal(b.drops[DropReason.satpTruncated], 1);
  assert.deepEqual(contentOf(b, 2), octets(10, 3));
});

test('a batch that is partly full takes only what it has room for, and the rest waits', () => {
  using client = new Party('127.0.0.1');
  using server = new Party('127.0.0.1');
  const to = endpointOf(0, '127.0.0.1', server.socket.port, '127.0.0.1');
  for (let n = 0; n < 5; n++) client.send(octets(20, n), to);
  const b = batchOf(4);
  b.accept(0);
  assert.equal(server.queue.receive(b), 3);
  assert.equal(server.queue.receive(b), 0);
  for (let i = 1; i < 4; i++) assert.deepEqual(contentOf(b, i), octets(20, i - 1));
  b.clear();
  assert.equal(server.queue.receive(b), 2);
  for (let i = 0; i < 2; i++) assert.deepEqual(contentOf(b, i), octets(20, i + 3));
});

test('two sockets of both families share a batch without leaving words of the other’s endpoints', () => {
  using client4 = new Party('127.0.0.1');
  using client6 = new Party('::1');
  using server4 = new Party('0.0.0.0', 0);
  using server6 = new Party('::', 1);
  const b = batchOf(8);
  for (const first of [4, 6]) {
    b.clear();
    client4.send(octets(4, 4), endpointOf(0, '127.0.0.1', server4.socket.port, '127.0.0.1'));
    client6.send(octets(6, 6), endpointOf(0, '::1', server6.socket.port, '::1'));
    for (const server of first === 4 ? [server4, server6] : [server6, server4])
      assert.equal(server.queue.receive(b), 1);
    const row4 = first === 4 ? 0 : 1;
    assert.deepEqual(
      b.endpoint.slice(row4 * ENDPOINT_WORDS, (row4 + 1) * ENDPOINT_WORDS),
      endpointOf(0, '127.0.0.1', client4.socket.port, '127.0.0.1'),
    );
    assert.deepEqual(
      b.endpoint.slice((1 - row4) * ENDPOINT_WORDS, (2 - row4) * ENDPOINT_WORDS),
      endpointOf(1, '::1', client6.socket.port, '::1'),
    );
    b.verdict.fill(Verdict.client);
    server4.queue.send(b);
    server6.queue.send(b);
    for (const client of [client4, client6]) assert.equal(client.queue.receive(batchOf(4)), 1);
  }
});

test('one refused datagram costs that one alone, wherever in the batch it stands', () => {
  using client = new Party('127.0.0.1');
  using server = new Party('0.0.0.0');
  const good = endpointOf(0, '127.0.0.1', client.socket.port, '127.0.0.1');
  const bad = [
    endpointOf(0, '255.255.255.255', 9, '0.0.0.0'), // EACCES: broadcast.
    endpointOf(0, '127.0.0.1', 0, '127.0.0.1'), // EINVAL: port 0.
    endpointOf(0, '127.0.0.1', client.socket.port, '192.0.2.77'), // EINVAL: not an address of this host.
  ];
  const b = batchOf(16);
  const order = [bad[0], good, good, bad[1], bad[2], good, bad[0], bad[1]] as const;
  for (const [n, to] of order.entries()) server.address(b, octets(8, n), to!);
  server.queue.send(b);
  assert.equal(b.drops[DropReason.ioSendFailed], 5);
  for (const [n, to] of order.entries()) assert.equal(b.verdict[n], to === good ? Verdict.client : Verdict.drop);
  const received = batchOf(16);
  assert.equal(client.queue.receive(received), 3);
  for (const [i, n] of [1, 2, 5].entries()) assert.deepEqual(contentOf(received, i), octets(8, n));
});

test('a client whose port is closed does not stop the socket: no ICMP error is ever reported by it', () => {
  using server = new Party('127.0.0.1');
  using client = new Party('127.0.0.1');
  const gone = new Party('127.0.0.1');
  const { port } = gone.socket;
  gone.socket.close();
  for (let n = 0; n < 3; n++) {
    const b = server.send(octets(8, n), endpointOf(0, '127.0.0.1', port, '127.0.0.1'));
    assert.equal(b.drops[DropReason.ioSendFailed], 0);
  }
  client.send(octets(8, 1), endpointOf(0, '127.0.0.1', server.socket.port, '127.0.0.1'));
  assert.equal(server.queue.receive(batchOf(4)), 1);
});

test('what is not for this socket, or not for a client, is not sent', () => {
  using client = new Party('127.0.0.1');
  using server = new Party('127.0.0.1', 2);
  const to = endpointOf(2, '127.0.0.1', client.socket.port, '127.0.0.1');
  const b = batchOf(8);
  for (let n = 0; n < 6; n++) server.address(b, octets(8, n), to);
  b.endpoint[EndpointWord.socket] = 1;
  b.verdict[1] = Verdict.external;
  b.verdict[2] = Verdict.drop;
  b.verdict[3] = Verdict.consumed;
  b.verdict[4] = Verdict.pending;
  server.queue.send(b);
  const received = batchOf(8);
  assert.equal(client.queue.receive(received), 1);
  assert.deepEqual(contentOf(received, 0), octets(8, 5));
});

test('ten thousand datagrams pass through batches of 64 in order', () => {
  using client = new Party('127.0.0.1');
  using server = new Party('127.0.0.1');
  const to = endpointOf(0, '127.0.0.1', server.socket.port, '127.0.0.1');
  const pattern = octets(1400, 5);
  const numbered = new DataView(pattern.buffer);
  const sent = batchOf(64);
  const received = batchOf(64);
  let next = 0;
  for (let n = 0; n < 10_000; ) {
    sent.clear();
    for (let i = 0; i < 64 && n < 10_000; i++, n++) {
      numbered.setUint32(0, n);
      client.address(sent, pattern.subarray(0, 100 + (n % 1300)), to);
    }
    client.queue.send(sent);
    received.clear();
    server.queue.receive(received);
    for (let i = 0; i < received.count; i++, next++) {
      numbered.setUint32(0, next);
      assert.equal(Buffer.compare(contentOf(received, i), pattern.subarray(0, 100 + (next % 1300))), 0);
    }
  }
  assert.equal(next, 10_000);
  assert.equal(sent.drops[DropReason.ioSendFailed], 0);
  assert.equal(server.socket.receiveDrops(), 0);
});

test('datagrams that nobody fetched in time are counted by the socket', () => {
  using client = new Party('127.0.0.1');
  using server = new Party('127.0.0.1', 0, { bufferSize: 4096 });
  const to = endpointOf(0, '127.0.0.1', server.socket.port, '127.0.0.1');
  for (let n = 0; n < 50; n++) client.send(octets(1000, n), to);
  const b = batchOf(64);
  const received = server.queue.receive(b);
  assert.ok(received > 0 && received < 50);
  assert.equal(server.socket.receiveDrops(), 50 - received);
});

test('the queue of an IPv6 wildcard leaves IPv4 to the IPv4 socket on the same port', () => {
  using server6 = new Party('::');
  using server4 = new Party('0.0.0.0', 1, { port: server6.socket.port });
  using client = new Party('127.0.0.1');
  client.send(octets(8, 1), endpointOf(0, '127.0.0.1', server4.socket.port, '127.0.0.1'));
  assert.equal(server6.queue.receive(batchOf(1)), 0);
  assert.equal(server4.queue.receive(batchOf(1)), 1);
});

test('an address in use, an address elsewhere and a link-local one without interface are told with their cure', () => {
  using server = new Party('127.0.0.1');
  const { port } = server.socket;
  assert.throws(() => openUdpSocket({ address: '127.0.0.1', port }), {
    code: 'ERR_SOCKET',
    message: new RegExp(`^bind of 127.0.0.1:${port} failed with EADDRINUSE; .*satp.listen$`),
  });
  assert.throws(() => openUdpSocket({ address: '192.0.2.77', port: 0 }), {
    message: /^bind of 192\.0\.2\.77:0 failed with EADDRNOTAVAIL; this host does not have the address/,
  });
  assert.throws(() => openUdpSocket({ address: 'fe80::1', port: 0 }), { message: /fe80::1%eth0/ });
});

test('sockets that say so share a port', () => {
  using one = new Party('127.0.0.1', 0, { reusePort: true });
  using other = new Party('127.0.0.1', 0, { reusePort: true, port: one.socket.port });
  assert.equal(one.socket.port, other.socket.port);
});

test('a socket that was closed under its queue is an error, not a busy loop', () => {
  const party = new Party('127.0.0.1');
  party.socket.close();
  assert.throws(() => party.queue.receive(batchOf(1)), { code: 'ERR_SOCKET', message: /EBADF/ });
  assert.equal(close(party.socket.fd), -1);
});
