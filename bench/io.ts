// `node bench/io.ts`: what a packet costs on its way through the kernel's border, and how much of it a batch saves. Sockets talk over
// loopback, so a send includes the kernel's delivery to the other socket; the TUN device answers pings of an own namespace, so a write
// includes the kernel's making of the answer. The TUN part needs root and is left out without.

import { PacketBatch, Verdict } from '../src/base/batch.ts';
import { dropReasonNames } from '../src/base/drop-reason.ts';
import { ENDPOINT_WORDS } from '../src/base/endpoint.ts';
import { errno, read } from '../src/io/native.ts';
import { endpointOf } from '../src/io/socket-address.ts';
import { openTun } from '../src/io/tun.ts';
import { TunQueue } from '../src/io/tun-queue.ts';
import { UdpQueue } from '../src/io/udp-queue.ts';
import { openUdpSocket } from '../src/io/udp-socket.ts';
import { enterOwnNamespace } from '../test/netns/own-namespace.ts';
import { requires } from '../test/support/requires.ts';
import { formatTable } from './format.ts';

const REPETITIONS = 9;
const PACKETS = 40_000;
const drops = new Float64Array(dropReasonNames.length);

/** Nanoseconds a packet for each of two halves that take turns over batches of `size`; the least of the repetitions, because a shared machine only ever adds. */
const halves = (size: number, first: () => void, second: () => void): readonly [number, number] => {
  const samples: [number[], number[]] = [[], []];
  for (let repetition = -2; repetition < REPETITIONS; repetition++) {
    let spentFirst = 0;
    let spentSecond = 0;
    for (let n = 0; n < PACKETS; n += size) {
      const start = performance.now();
      first();
      const middle = performance.now();
      second();
      spentFirst += middle - start;
      spentSecond += performance.now() - middle;
    }
    if (repetition < 0) continue; // To be compiled.
    samples[0].push((spentFirst * 1e6) / PACKETS);
    samples[1].push((spentSecond * 1e6) / PACKETS);
  }
  return [Math.min(...samples[0]), Math.min(...samples[1])];
};

const fail = (what: string): never => {
  throw new Error(what);
};

const measureUdp = (loopback: string, size: number, length: number): readonly [send: number, receive: number] => {
  const [from, into] = [0, 1].map(() => openUdpSocket({ address: loopback, port: 0 }));
  const sender = new UdpQueue(from!.fd, from!.family, 0);
  const receiver = new UdpQueue(into!.fd, into!.family, 0);
  const sent = new PacketBatch(size, drops);
  const received = new PacketBatch(size, drops);
  const to = endpointOf(0, loopback, into!.port, loopback);
  for (let i = 0; i < size; i++) {
    sent.verdict[sent.accept(length)] = Verdict.client;
    sent.endpoint.set(to, i * ENDPOINT_WORDS);
  }
  const figures = halves(
    size,
    () => sender.send(sent),
    () => {
      received.clear();
      if (receiver.receive(received) !== size) fail('datagrams were lost on loopback');
    },
  );
  from!.close();
  into!.close();
  return figures;
};

const measureTun = (size: number, length: number): readonly [write: number, read: number] => {
  const tun = openTun({ name: 'agbench-io', mtu: 1400 });
  tun.ipv4 = '10.99.0.1/24';
  tun.isUp = true;
  const queue = new TunQueue(tun.queues[0]!);
  const b = new PacketBatch(size, drops);
  const request = echoRequest(length);
  const figures = halves(
    size,
    () => {
      b.clear();
      for (let i = 0; i < size; i++) {
        b.arena.bytes.set(request, b.slot(i));
        b.verdict[b.accept(length)] = Verdict.external;
      }
      queue.send(b);
    },
    () => {
      b.clear();
      if (queue.receive(b) !== size) fail('the host does not answer pings');
    },
  );
  tun.release();
  return figures;
};

/** An ICMP echo request from 10.99.0.2 to 10.99.0.1 whose payload is zeros. */
const echoRequest = (length: number): Buffer => {
  const packet = Buffer.alloc(length);
  packet.write('450000000000000040010000 0a6300020a630001 0800f7ff00000000'.replaceAll(' ', ''), 'hex');
  packet.writeUInt16BE(length, 2);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  packet.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10);
  return packet;
};

const nanoseconds = (value: number): string => Math.round(value).toString();

const [call, failedCall] = halves(
  1,
  () => void read(-1, 0, 0),
  () => {
    if (read(-1, 0, 0) < 0) errno();
  },
);
console.log(
  `a system call that does nothing: ${nanoseconds(call)} ns; with the reading of errno: ${nanoseconds(failedCall)} ns\n`,
);

const rows: string[][] = [];
for (const [name, loopback] of [
  ['UDP over IPv4', '127.0.0.1'],
  ['UDP over IPv6', '::1'],
] as const) {
  for (const length of [64, 1400]) {
    for (const size of [1, 8, 64]) {
      rows.push([name, `${length}`, `${size}`, ...measureUdp(loopback, size, length).map(nanoseconds)]);
    }
  }
}
const reason = requires({ root: true, device: '/dev/net/tun', commands: ['ip'] });
if (reason === false) {
  enterOwnNamespace();
  for (const length of [64, 1400]) {
    for (const size of [1, 64])
      rows.push(['TUN', `${length}`, `${size}`, ...measureTun(size, length).map(nanoseconds)]);
  }
}
console.log(formatTable({ caption: '', head: ['', 'octets', 'batch', 'send, ns/packet', 'receive, ns/packet'], rows }));
if (reason !== false) console.log(`\nTUN was left out: ${reason}.`);
