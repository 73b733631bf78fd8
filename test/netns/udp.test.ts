// What a UDP socket meets outside loopback, in a namespace of this process's own: full send queues, anycast addresses, small MTUs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { DropReason, dropReasonNames } from '../../src/base/drop-reason.ts';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { endpointOf } from '../../src/io/socket-address.ts';
import { UdpQueue } from '../../src/io/udp-queue.ts';
import { openUdpSocket } from '../../src/io/udp-socket.ts';
import { requires } from '../support/requires.ts';
import { enterOwnNamespace, ip } from './own-namespace.ts';

const skip = requires({ root: true, commands: ['ip'] });
if (skip === false) {
  enterOwnNamespace();
  ip('link add near type veth peer name far');
  for (const name of ['near', 'far']) {
    ip(`link set ${name} addrgenmode none`);
    ip(`link set ${name} up`);
  }
  ip('addr add 192.0.2.1/24 dev near');
  ip('addr add 198.51.100.1/32 dev lo');
  ip('-6 addr add fe80::1/64 dev near nodad');
  ip('-6 addr add 2001:db8::1/128 dev lo');
}

const batchOf = (capacity: number): PacketBatch => new PacketBatch(capacity, new Float64Array(dropReasonNames.length));
const put = (b: PacketBatch, length: number, to: Uint32Array): void => {
  const i = b.accept(length);
  b.verdict[i] = Verdict.client;
  b.arena.bytes.fill(i + 1, b.at[i], b.end[i]);
  b.endpoint.set(to, i * ENDPOINT_WORDS);
};

test('a full send queue drops what it must, counts it, and holds nobody up', { skip }, () => {
  // Nobody answers for 192.0.2.9, so the kernel keeps what is for it in the socket's queue until it gives up asking.
  const socket = openUdpSocket({ address: '0.0.0.0', port: 0, bufferSize: 8192 });
  const b = batchOf(64);
  for (let n = 0; n < 64; n++) put(b, 1400, endpointOf(0, '192.0.2.9', 9, '192.0.2.1'));
  const start = performance.now();
  new UdpQueue(socket.fd, socket.family, 0).send(b);
  assert.ok(performance.now() - start < 500);
  const failed = b.drops[DropReason.ioSendFailed]!;
  assert.ok(failed > 0 && failed < 64, `${failed} of 64 failed`);
  const sent = b.verdict.indexOf(Verdict.drop);
  assert.equal(sent, 64 - failed);
  assert.ok(b.verdict.subarray(0, sent).every((v) => v === Verdict.client));
  assert.ok(b.verdict.subarray(sent).every((v) => v === Verdict.drop));
  socket.close();
});

for (const [name, wildcard, anycast, other] of [
  ['IPv4', '0.0.0.0', '198.51.100.1', '192.0.2.1'],
  ['IPv6', '::', '2001:db8::1', '::1'],
] as const) {
  test(`a wildcard socket answers over ${name} from the anycast address that was asked`, { skip }, () => {
    const server = openUdpSocket({ address: wildcard, port: 0 });
    const client = openUdpSocket({ address: other, port: 0 });
    const b = batchOf(1);
    put(b, 10, endpointOf(0, anycast, server.port, other));
    new UdpQueue(client.fd, client.family, 0).send(b);
    b.endpoint.fill(0xdead);
    b.clear();
    const queue = new UdpQueue(server.fd, server.family, 4);
    assert.equal(queue.receive(b), 1);
    assert.deepEqual(b.endpoint, endpointOf(4, other, client.port, anycast));
    b.verdict[0] = Verdict.client;
    queue.send(b);
    b.clear();
    assert.equal(new UdpQueue(client.fd, client.family, 0).receive(b), 1);
    assert.deepEqual(b.endpoint, endpointOf(0, anycast, server.port, other));
    client.close();
    server.close();
  });

  test(`a datagram above the MTU leaves in fragments over ${name}`, { skip }, () => {
    ip('link set lo mtu 1280');
    const server = openUdpSocket({ address: wildcard, port: 0 });
    const b = batchOf(2);
    for (const length of [1400, 2000]) put(b, length, endpointOf(0, anycast, server.port, anycast));
    const queue = new UdpQueue(server.fd, server.family, 0);
    queue.send(b);
    assert.equal(b.drops[DropReason.ioSendFailed], 0);
    b.clear();
    assert.equal(queue.receive(b), 2);
    assert.deepEqual(b.arena.bytes.subarray(b.at[1], b.end[1]), new Uint8Array(2000).fill(2));
    server.close();
    ip('link set lo mtu 65536');
  });
}

test('a link-local client is answered over its own link', { skip }, () => {
  const server = openUdpSocket({ address: '::', port: 0 });
  const client = openUdpSocket({ address: 'fe80::1%near', port: 0 });
  const b = batchOf(1);
  put(b, 10, endpointOf(0, 'fe80::1%near', server.port, 'fe80::1'));
  new UdpQueue(client.fd, client.family, 0).send(b);
  b.endpoint.fill(0xdead);
  b.clear();
  const queue = new UdpQueue(server.fd, server.family, 0);
  assert.equal(queue.receive(b), 1);
  assert.deepEqual(b.endpoint, endpointOf(0, 'fe80::1%near', client.port, 'fe80::1'));
  b.verdict[0] = Verdict.client;
  queue.send(b);
  assert.equal(b.drops[DropReason.ioSendFailed], 0);
  b.clear();
  assert.equal(new UdpQueue(client.fd, client.family, 0).receive(b), 1);
  client.close();
  server.close();
});
