// The real TUN device in a namespace of this process's own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { DropReason, dropReasonNames } from '../../src/base/drop-reason.ts';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { milliseconds } from '../../src/base/time.ts';
import { Poller } from '../../src/io/poller.ts';
import { endpointOf, Family, formatRemote } from '../../src/io/socket-address.ts';
import { openTun, type Tun, type TunOptions } from '../../src/io/tun.ts';
import { TunQueue } from '../../src/io/tun-queue.ts';
import { UdpQueue } from '../../src/io/udp-queue.ts';
import { openUdpSocket } from '../../src/io/udp-socket.ts';
import { openWakeup } from '../../src/io/wakeup.ts';
import { requires } from '../support/requires.ts';
import { enterOwnNamespace, ip } from './own-namespace.ts';

const skip = requires({ root: true, device: '/dev/net/tun', commands: ['ip'] });
if (skip === false) enterOwnNamespace();

const NAME = 'anygate7';
const batchOf = (capacity: number): PacketBatch => new PacketBatch(capacity, new Float64Array(dropReasonNames.length));

/** A device that is up with the address 10.99.0.1, and every other address of 10.99.0.0/24 behind it. */
const upTun = (options: Partial<TunOptions> = {}): Tun & Disposable => {
  const tun = openTun({ name: NAME, mtu: 1400, ...options });
  // Else the kernel's own router solicitations are among the packets.
  ip(`link set ${tun.name} addrgenmode none`);
  tun.ipv4 = '10.99.0.1/24';
  tun.isUp = true;
  return Object.assign(tun, { [Symbol.dispose]: () => tun.release() });
};

/** Sends UDP from this host to 10.99.0.2, `count` datagrams of `length` octets. */
const sendThroughKernel = (count: number, length: number): void => {
  const socket = openUdpSocket({ address: '0.0.0.0', port: 0 });
  const b = batchOf(count);
  for (let i = 0; i < count; i++) {
    b.verdict[b.accept(length)] = Verdict.client;
    b.arena.bytes.fill(i, b.at[i], b.end[i]);
    b.endpoint.set(endpointOf(0, '10.99.0.2', 9, '10.99.0.1'), i * ENDPOINT_WORDS);
  }
  new UdpQueue(socket.fd, socket.family, 0).send(b);
  socket.close();
  assert.equal(b.drops[DropReason.ioSendFailed], 0);
};

/** Turns a packet round: what this host sent to X comes from X. Neither checksum changes by that, ports stay. */
const turnRound = (b: PacketBatch, i: number): void => {
  const at = b.at[i]!;
  const source = b.arena.view.getUint32(at + 12);
  b.arena.view.setUint32(at + 12, b.arena.view.getUint32(at + 16));
  b.arena.view.setUint32(at + 16, source);
};

test('a device has the name, the MTU, the address and the state it was given', { skip }, () => {
  const tun = openTun({ name: NAME, mtu: 1400 });
  assert.deepEqual([tun.name, tun.mtu, tun.ipv4, tun.isUp], [NAME, 1400, '', false]);
  assert.match(ip(`link show ${NAME}`), /mtu 1400 .*state DOWN/);
  tun.mtu = 1280;
  tun.ipv4 = '10.99.0.1/20';
  tun.isUp = true;
  assert.deepEqual([tun.mtu, tun.ipv4, tun.isUp], [1280, '10.99.0.1/20', true]);
  assert.match(ip(`-4 addr show ${NAME}`), /<.*\bUP\b.*> mtu 1280 [\s\S]*inet 10\.99\.0\.1\/20/);
  tun.isUp = false;
  assert.equal(tun.isUp, false);
  for (const cidr of ['10.99.0.1/32', '10.99.0.1/1', '10.99.0.1/0']) {
    tun.ipv4 = cidr;
    assert.equal(tun.ipv4, cidr);
  }
  tun.release();
  tun.release();
  assert.equal(existsSync(`/sys/class/net/${NAME}`), false);
});

test('the host’s packets arrive whole and in order, at most as many as the batch has room for', { skip }, () => {
  using tun = upTun();
  const queue = new TunQueue(tun.queues[0]!);
  const b = batchOf(4);
  assert.equal(queue.receive(b), 0);
  sendThroughKernel(6, 1372);
  b.accept(0);
  assert.equal(queue.receive(b), 3);
  for (let i = 1; i < 4; i++) {
    assert.equal(b.at[i], b.slot(i));
    assert.equal(b.end[i]! - b.at[i]!, 1400);
    assert.equal(b.verdict[i], Verdict.pending);
    assert.equal(b.arena.view.getUint32(b.at[i]! + 16), 0x0a630002);
    assert.deepEqual(b.arena.bytes.subarray(b.at[i]! + 28, b.end[i]), new Uint8Array(1372).fill(i - 1));
  }
  b.clear();
  assert.equal(queue.receive(b), 3);
  assert.equal(queue.receive(b), 0);
});

test('what our sockets send may be fragmented on its way: DF is clear', { skip }, () => {
  using tun = upTun();
  const b = batchOf(2);
  sendThroughKernel(1, 1372);
  sendThroughKernel(1, 1600);
  const queue = new TunQueue(tun.queues[0]!);
  assert.equal(queue.receive(b), 2);
  const fragmentWord = (i: number): number => b.arena.view.getUint16(b.at[i]! + 6);
  assert.equal(fragmentWord(0), 0);
  assert.equal(fragmentWord(1), 0x2000);
});

test('packets that are written reach the host, from where they lie in their slots', { skip }, () => {
  using tun = upTun();
  const queue = new TunQueue(tun.queues[0]!);
  const server = openUdpSocket({ address: '10.99.0.1', port: 9 });
  const b = batchOf(3);
  sendThroughKernel(3, 100);
  assert.equal(queue.receive(b), 3);
  for (let i = 0; i < 3; i++) turnRound(b, i);
  // The second has moved within its slot.
  b.arena.bytes.copyWithin(b.at[1]! - 20, b.at[1]!, b.end[1]);
  b.at[1]! -= 20;
  b.end[1]! -= 20;
  b.verdict.set([Verdict.external, Verdict.external, Verdict.client]);
  queue.send(b);
  assert.equal(b.drops[DropReason.ioSendFailed], 0);
  const wakeup = openWakeup();
  new Poller([server.fd], wakeup).wait(milliseconds(2000));
  const received = batchOf(4);
  assert.equal(new UdpQueue(server.fd, server.family, 0).receive(received), 2);
  for (let i = 0; i < 2; i++) {
    assert.match(formatRemote(Family.inet, received.endpoint, i), /^10\.99\.0\.2:/);
    assert.deepEqual(received.arena.bytes.subarray(received.at[i], received.end[i]), new Uint8Array(100).fill(i));
  }
  server.close();
  wakeup.close();
});

test('a packet that the device refuses is dropped and counted alone, and all of them while it is down', {
  skip,
}, () => {
  using tun = upTun();
  const queue = new TunQueue(tun.queues[0]!);
  const b = batchOf(3);
  sendThroughKernel(3, 10);
  queue.receive(b);
  b.verdict.fill(Verdict.external);
  b.arena.bytes[b.at[1]!] = 0x15; // No IP version.
  queue.send(b);
  assert.deepEqual([...b.verdict], [Verdict.external, Verdict.drop, Verdict.external]);
  assert.equal(b.drops[DropReason.ioSendFailed], 1);
  tun.isUp = false;
  queue.send(b);
  assert.equal(b.drops[DropReason.ioSendFailed], 3);
  assert.equal(queue.receive(batchOf(1)), 0);
});

test('a packet ends the wait of a poll', { skip }, () => {
  using tun = upTun();
  const wakeup = openWakeup();
  const poller = new Poller(tun.queues, wakeup);
  const start = performance.now();
  poller.wait(milliseconds(30));
  assert.ok(performance.now() - start >= 29);
  sendThroughKernel(1, 10);
  poller.wait(milliseconds(20_000));
  assert.ok(performance.now() - start < 10_000);
  wakeup.close();
});

test('every queue of a device sends, and between them they receive everything', { skip }, () => {
  using tun = upTun({ queues: 3 });
  const queues = tun.queues.map((fd) => new TunQueue(fd));
  assert.equal(queues.length, 3);
  for (let n = 0; n < 20; n++) sendThroughKernel(1, n);
  const b = batchOf(32);
  for (const queue of queues) queue.receive(b);
  assert.equal(b.count, 20);
  const server = openUdpSocket({ address: '10.99.0.1', port: 9 });
  for (const [i, queue] of queues.entries()) {
    turnRound(b, i);
    b.verdict.fill(Verdict.drop);
    b.verdict[i] = Verdict.external;
    queue.send(b);
    assert.equal(b.drops[DropReason.ioSendFailed], 0);
  }
  const wakeup = openWakeup();
  new Poller([server.fd], wakeup).wait(milliseconds(2000));
  assert.equal(new UdpQueue(server.fd, server.family, 0).receive(batchOf(4)), 3);
  server.close();
  wakeup.close();
});

test('a device that was deleted under its queue is an error, not a busy loop', { skip }, () => {
  using tun = upTun();
  ip(`link delete ${NAME}`);
  assert.throws(() => new TunQueue(tun.queues[0]!).receive(batchOf(1)), {
    code: 'ERR_TUN_OPEN',
    message: /EBADFD; it was deleted while in use; restart the gateway$/,
  });
});

test('a device that cannot be opened is told with the cure, and nothing stays open', { skip }, () => {
  using _tun = upTun();
  assert.throws(() => openTun({ name: NAME, mtu: 1400 }), {
    code: 'ERR_TUN_OPEN',
    message: `ioctl TUNSETIFF of interface ${NAME} failed with EBUSY; another process has it open; stop that one, or choose another relay.device.name`,
  });
  ip('link add anygate8 type veth peer name anygate9');
  assert.throws(() => openTun({ name: 'anygate8', mtu: 1400 }), {
    message: /EINVAL; an interface of that name exists/,
  });
  for (const name of ['', 'sixteen-letters!', 'a/b', 'a b', 'ag%d']) {
    assert.throws(() => openTun({ name, mtu: 1400 }), { code: 'ERR_TUN_OPEN', message: /is no interface name/ }, name);
  }
  for (const mtu of [0, 67, 2049, Number.NaN]) {
    assert.throws(() => openTun({ name: 'anygate6', mtu }), {
      code: 'ERR_TUN_OPEN',
      message: /an MTU of .* is impossible/,
    });
    assert.equal(existsSync('/sys/class/net/anygate6'), false);
  }
});

test('without privileges the message says how to get them', {
  skip: skip || requires({ commands: ['setpriv'] }),
}, () => {
  const module = JSON.stringify(resolve(import.meta.dirname, '../../src/io/tun.ts'));
  const script = `import(${module}).then((m) => m.openTun({ name: 'anygate5', mtu: 1400 })).catch((e) => console.log(e.code, e.message))`;
  const { stdout } = spawnSync(
    'setpriv',
    ['--reuid=65534', '--clear-groups', '--bounding-set=-all', process.execPath, '-e', script],
    { encoding: 'utf8' },
  );
  assert.match(
    stdout,
    /^ERR_TUN_OPEN (open of \/dev\/net\/tun failed with EACCES; make|ioctl TUNSETIFF .* EPERM; run as root, grant)/,
  );
});
