// A running client: takes the sender id, the socket and the device, hands them to a thread, and gives everything back. Routes are for
// whoever runs it to set: what shall go through the tunnel is not the client's to know.

import { Worker } from 'node:worker_threads';
import { type Counters, createCounters } from '../base/counters.ts';
import { GatewayError } from '../base/errors.ts';
import { SystemRandom } from '../io/random.ts';
import { SenderIds } from '../io/sender-ids.ts';
import { endpointOf } from '../io/socket-address.ts';
import { openStateDir } from '../io/state-dir.ts';
import { openTun, type Tun } from '../io/tun.ts';
import { openUdpSocket } from '../io/udp-socket.ts';
import { openWakeup, type Wakeup } from '../io/wakeup.ts';
import type { ClientConfig } from './client-config.ts';
import { type ClientStart, ClientWord, NEED_SENDER_ID } from './client-start.ts';

const WORKER = new URL(`./worker.${import.meta.filename.slice(-2)}`, import.meta.url);
/** Not 0: a stock daemon that had the same key before has used its numbers. */
const SENDER_IDS = { low: 1, high: 65_535 } as const;

/** A client that runs. */
export class Connection {
  /** What it has carried; live. */
  readonly counters: Counters;
  /** Rejects if the client breaks down; resolves when it was closed. */
  readonly ended: Promise<void>;
  readonly #words: Int32Array;
  readonly #wakeup: Wakeup;
  readonly #stack: DisposableStack;

  private constructor(
    counters: Counters,
    words: Int32Array,
    wakeup: Wakeup,
    ended: Promise<void>,
    stack: DisposableStack,
  ) {
    this.counters = counters;
    this.ended = ended;
    this.#words = words;
    this.#wakeup = wakeup;
    this.#stack = stack;
  }

  /**
   * Starts a client; when this returns its device is up and packets pass.
   *
   * @throws {GatewayError} ERR_STATE_DIR, ERR_SENDER_IDS_EXHAUSTED, ERR_SOCKET, ERR_TUN_OPEN, ERR_SYSCALL
   */
  static open(config: ClientConfig): Connection {
    using stack = new DisposableStack();
    const state = stack.adopt(openStateDir(config.stateDir), (s) => s.release());
    const senderIds = new SenderIds(state, SENDER_IDS, new SystemRandom());
    const { address, port } = config.gateway;
    const wildcard = address.includes(':') ? '::' : '0.0.0.0';
    const socket = stack.adopt(openUdpSocket({ address: wildcard, port: config.port }), (s) => s.close());
    const { name, mtu, cidr } = config.device;
    const tun: Tun = stack.adopt(openTun({ name, mtu }), (t) => t.release());
    tun.ipv4 = cidr;
    tun.isUp = true;
    const wakeup = stack.adopt(openWakeup(), (w) => w.close());
    const words = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
    const start: ClientStart = {
      keys: { mux: config.mux, keys: config.keys },
      senderId: senderIds.lease(),
      replayWindow: config.replayWindow,
      address: config.device.address,
      uplink: endpointOf(0, address, port, wildcard),
      socket: { fd: socket.fd, family: socket.family },
      tunFd: tun.queues[0]!,
      wakeupFd: wakeup.fd,
      counters: createCounters(),
      words,
    };
    const worker = new Worker(WORKER, { workerData: start, name: 'client' });
    const ended = new Promise<void>((resolve, reject) => {
      worker.on('message', (message) => {
        if (message !== NEED_SENDER_ID) return;
        try {
          Atomics.store(words, ClientWord.senderId, senderIds.lease() + 1);
          wakeup.signal();
        } catch (error) {
          reject(error);
        }
      });
      worker.once('error', (cause) => {
        reject(new GatewayError('ERR_SHARD', `the client’s thread died: ${(cause as Error).message}`, { cause }));
      });
      worker.once('exit', () => resolve());
    });
    return new Connection(start.counters, words, wakeup, ended, stack.move());
  }

  /** Stops carrying packets and gives everything back. */
  async close(): Promise<void> {
    Atomics.store(this.#words, ClientWord.stop, 1);
    this.#wakeup.signal();
    try {
      await this.ended;
    } finally {
      this.#stack.dispose();
    }
  }
}
