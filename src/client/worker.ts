// The client's thread: takes packets from one side to the other until it is told to stop, and sleeps in one poll when there are none.
// Like a shard it has no event loop; the main thread writes a word of shared memory and rings the doorbell.

import { parentPort, workerData } from 'node:worker_threads';
import { minutes } from '../base/time.ts';
import { monotonicClock } from '../io/clock.ts';
import { OpensslCrypto } from '../io/openssl-crypto.ts';
import { Poller } from '../io/poller.ts';
import { SystemRandom } from '../io/random.ts';
import { TunQueue } from '../io/tun-queue.ts';
import { UdpQueue } from '../io/udp-queue.ts';
import { Wakeup } from '../io/wakeup.ts';
import { PacketCrypto } from '../satp/packet-crypto.ts';
import { Satp } from '../satp/satp.ts';
import { type ClientStart, ClientWord, NEED_SENDER_ID } from './client-start.ts';
import { GATEWAY_ROW, gatewayAssociation, PlainClient } from './plain-client.ts';

/** Nothing is due by time; the doorbell ends the wait. */
const WAIT = minutes(1);

const serve = (start: ClientStart): void => {
  const { counters, words, socket } = start;
  const satp = new Satp({
    capacity: GATEWAY_ROW + 1,
    replayWindow: start.replayWindow,
    gatewayAddress: start.address,
    crypto: new PacketCrypto(new OpensslCrypto(), GATEWAY_ROW + 1),
    random: new SystemRandom(),
    counters,
  });
  satp.add(GATEWAY_ROW, gatewayAssociation(start.keys), start.senderId);
  const queues = { socket: new UdpQueue(socket.fd, socket.family, 0), tun: new TunQueue(start.tunFd) };
  const client = new PlainClient(satp, start.uplink, queues, counters);
  const poller = new Poller([socket.fd, start.tunFd], new Wakeup(start.wakeupFd));
  let hasAsked = false;
  while (Atomics.load(words, ClientWord.stop) === 0) {
    if (client.turn(monotonicClock.now()) === 0) poller.wait(WAIT);
    if (!satp.needsSenderId(GATEWAY_ROW)) continue;
    if (!hasAsked) parentPort?.postMessage(NEED_SENDER_ID);
    hasAsked = true;
    const given = Atomics.exchange(words, ClientWord.senderId, 0);
    if (given === 0) continue;
    satp.setSenderId(GATEWAY_ROW, given - 1);
    hasAsked = false;
  }
};

serve(workerData as ClientStart);
