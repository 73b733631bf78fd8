import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { PacketBatch, Verdict } from '../../src/base/batch.ts';
import { dropReasonNames } from '../../src/base/drop-reason.ts';
import { milliseconds } from '../../src/base/time.ts';
import { monotonicClock } from '../../src/io/clock.ts';
import { Poller } from '../../src/io/poller.ts';
import { endpointOf } from '../../src/io/socket-address.ts';
import { UdpQueue } from '../../src/io/udp-queue.ts';
import { openUdpSocket } from '../../src/io/udp-socket.ts';
import { openWakeup, Wakeup } from '../../src/io/wakeup.ts';

const LONG = milliseconds(20_000);
const elapsed = (run: () => void): number => {
  const start = monotonicClock.now();
  run();
  return monotonicClock.now() - start;
};

test('a doorbell rung before the wait ends it at once, and only once however often it was rung', () => {
  const wakeup = openWakeup();
  const poller = new Poller([], wakeup);
  wakeup.signal();
  wakeup.signal();
  assert.ok(elapsed(() => poller.wait(LONG)) < 1000);
  assert.ok(elapsed(() => poller.wait(milliseconds(20))) >= 19);
  wakeup.close();
});

test('a wait of no time, of less, and of a fraction returns in that time', () => {
  const wakeup = openWakeup();
  const poller = new Poller([], wakeup);
  for (const span of [0, -5, Number.NEGATIVE_INFINITY, 0.2]) {
    assert.ok(elapsed(() => poller.wait(milliseconds(span))) < 1000);
  }
  assert.ok(elapsed(() => poller.wait(milliseconds(0.5))) >= 0.5);
  wakeup.signal();
  poller.wait(milliseconds(Number.POSITIVE_INFINITY));
  wakeup.close();
});

test('a doorbell rung by another thread wakes a thread that is blocked in poll', async () => {
  const wakeup = openWakeup();
  const url = (name: string): string => JSON.stringify(new URL(`../../src/io/${name}`, import.meta.url).href);
  const worker = new Worker(
    `import { parentPort, workerData } from 'node:worker_threads';
     import { Poller } from ${url('poller.ts')};
     import { Wakeup } from ${url('wakeup.ts')};
     const poller = new Poller([], new Wakeup(workerData));
     parentPort.postMessage('blocking');
     const start = performance.now();
     poller.wait(20_000);
     parentPort.postMessage(performance.now() - start);
     parentPort.close();`,
    { eval: true, workerData: wakeup.fd, execArgv: ['--input-type=module'] },
  );
  const messages: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', () => resolve());
    worker.on('message', (message) => {
      messages.push(message);
      if (message === 'blocking') setTimeout(() => new Wakeup(wakeup.fd).signal(), 50);
    });
  });
  assert.equal(messages.length, 2);
  assert.ok((messages[1] as number) < 10_000, `woke after ${messages[1]} ms`);
  wakeup.close();
});

test('a datagram on any of the sockets ends the wait', () => {
  const wakeup = openWakeup();
  const sockets = [1, 2].map(() => openUdpSocket({ address: '127.0.0.1', port: 0 }));
  const poller = new Poller(
    sockets.map((s) => s.fd),
    wakeup,
  );
  const b = new PacketBatch(1, new Float64Array(dropReasonNames.length));
  for (const socket of sockets) {
    b.clear();
    b.verdict[b.accept(1)] = Verdict.client;
    b.endpoint.set(endpointOf(0, '127.0.0.1', socket.port, '127.0.0.1'));
    new UdpQueue(socket.fd, socket.family, 0).send(b);
    assert.ok(elapsed(() => poller.wait(LONG)) < 1000);
    b.clear();
    assert.equal(new UdpQueue(socket.fd, socket.family, 0).receive(b), 1);
  }
  assert.ok(elapsed(() => poller.wait(milliseconds(20))) >= 19);
  for (const socket of sockets) socket.close();
  wakeup.close();
});
