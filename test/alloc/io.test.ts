// Zero garbage as a test, over real sockets and a real TUN device.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { DropReason, dropReasonNames } from '../../src/base/drop-reason.ts';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { seconds } from '../../src/base/time.ts';
import { monotonicClock } from '../../src/io/clock.ts';
import { Poller } from '../../src/io/poller.ts';
import { SystemRandom } from '../../src/io/random.ts';
import { endpointOf } from '../../src/io/socket-address.ts';
import { openTun } from '../../src/io/tun.ts';
import { TunQueue } from '../../src/io/tun-queue.ts';
import { UdpQueue } from '../../src/io/udp-queue.ts';
import { openUdpSocket } from '../../src/io/udp-socket.ts';
import { openWakeup } from '../../src/io/wakeup.ts';
import { enterOwnNamespace } from '../netns/own-namespace.ts';
import { type Garbage, garbageOf } from '../support/garbage.ts';
import { requires } from '../support/requires.ts';

const PACKETS = 200_000;
const CAPACITY = 64;
const batchOf = (): PacketBatch => new PacketBatch(CAPACITY, new Float64Array(dropReasonNames.length));
const skipTun = requires({ root: true, device: '/dev/net/tun', commands: ['ip'] });
if (skipTun === false) enterOwnNamespace();

/** A batch of 64 costs a few boxed numbers; a single object a packet would be 16 octets. */
const assertClean = ({ scavenges, octets }: Garbage): void => {
  assert.ok(scavenges <= 3, `${scavenges} scavenges`);
  assert.ok(!(octets / PACKETS >= 8), `${octets / PACKETS} octets a packet`);
};

test('the measure is not blind: one small object a packet is seen', async () => {
  const kept: object[] = [{}];
  const garbage = await garbageOf(() => {
    for (let n = 0; n < PACKETS; n++) kept[0] = { n };
  });
  assert.throws(() => assertClean(garbage));
});

for (const [name, loopback] of [
  ['IPv4', '127.0.0.1'],
  ['IPv6', '::1'],
] as const) {
  test(`receiving and sending ${PACKETS} datagrams over ${name} leaves no garbage`, async () => {
    const [near, far] = [0, 1].map(() => openUdpSocket({ address: loopback, port: 0 })) as [
      ReturnType<typeof openUdpSocket>,
      ReturnType<typeof openUdpSocket>,
    ];
    const nearQueue = new UdpQueue(near.fd, near.family, 0);
    const farQueue = new UdpQueue(far.fd, far.family, 0);
    const wakeup = openWakeup();
    const poller = new Poller([near.fd, far.fd], wakeup);
    const random = new SystemRandom();
    const b = batchOf();
    const to = endpointOf(0, loopback, far.port, loopback);
    for (let i = 0; i < CAPACITY; i++) {
      b.accept(200);
      b.endpoint.set(to, i * ENDPOINT_WORDS);
    }
    // The datagrams go to and fro: what was received is sent back to where it came from.
    const pass = (from: UdpQueue, into: UdpQueue): void => {
      b.verdict.fill(Verdict.client);
      from.send(b);
      poller.wait(seconds(1));
      b.clear();
      into.receive(b);
    };
    const run = (packets: number): void => {
      for (let n = 0; n < packets; n += 2 * CAPACITY) {
        pass(nearQueue, farQueue);
        pass(farQueue, nearQueue);
        monotonicClock.now();
        random.uint32();
      }
    };
    run(PACKETS);
    const garbage = await garbageOf(() => run(PACKETS));
    assert.equal(b.count, CAPACITY);
    assert.equal(b.drops[DropReason.ioSendFailed], 0);
    assertClean(garbage);
    for (const socket of [near, far]) socket.close();
    wakeup.close();
  });
}

test(`writing and reading ${PACKETS} packets of a TUN device leaves no garbage`, {
  skip: skipTun,
}, async () => {
  const tun = openTun({ name: 'anygate4', mtu: 1400 });
  tun.ipv4 = '10.99.0.1/24';
  tun.isUp = true;
  const queue = new TunQueue(tun.queues[0]!);
  const b = batchOf();
  // An ICMP echo request from 10.99.0.2 to the device's own address: the kernel's answer comes back at once.
  const request = Buffer.from('4500001c00000000400166190a6300020a6300010800f7ff00000000', 'hex');
  let answered = 0;
  const run = (packets: number): void => {
    for (const end = answered + packets; answered < end; ) {
      b.clear();
      for (let i = 0; i < CAPACITY; i++) {
        b.arena.bytes.set(request, b.slot(i));
        b.verdict[b.accept(request.length)] = Verdict.external;
      }
      queue.send(b);
      b.clear();
      const n = queue.receive(b);
      if (n === 0) throw new Error('the host does not answer');
      answered += n;
    }
  };
  run(PACKETS);
  const garbage = await garbageOf(() => run(PACKETS));
  tun.release();
  assert.equal(b.drops[DropReason.ioSendFailed], 0);
  assertClean(garbage);
});
