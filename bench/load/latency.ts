// A program that stands at both ends of the gateway: it sends one packet, waits for it at the other end by asking again and again, and
// notes how long it took. Both sockets are in one process, so one clock measures, and nobody has to be woken up but the gateway.

import { Arena } from '../../src/base/arena.ts';
import { pin, read, write } from '../../src/io/native.ts';
import { ADDRESS, PORT } from '../network.ts';
import { emitInnerPacket, INNER_HEADERS } from './inner-packet.ts';
import { finish, options } from './program.ts';
import { OVERHEAD, Sealer } from './sealer.ts';
import { type Endpoint, enterNamespace, openLoadSocket } from './sockets.ts';

/** What is sent. */
export interface LatencyOptions {
  readonly direction: 'upload' | 'download';
  readonly clientNamespace: string;
  readonly thirdNamespace: string;
  /** The external endpoint of the first client's first flow. */
  readonly external: Endpoint;
  /** Octets of an inner packet. */
  readonly inner: number;
  readonly count: number;
  readonly firstSequence: number;
  /** Longest pause between two packets; pauses are of any length up to it. */
  readonly pauseMicroseconds: number;
}

/** What was seen. */
export interface Latencies {
  /** Of the packets that arrived. */
  readonly microseconds: readonly number[];
  readonly lost: number;
}

const PATIENCE_MS = 20;
const ROOM = 2048;

const o = options<LatencyOptions>();
const isUpload = o.direction === 'upload';
enterNamespace(o.thirdNamespace);
const third = openLoadSocket({ address: ADDRESS.third, port: PORT.third }, o.external);
enterNamespace(o.clientNamespace);
const client = openLoadSocket(
  { address: ADDRESS.client, port: PORT.client },
  { address: ADDRESS.gateway, port: PORT.satp },
);
const [from, to] = isUpload ? [client, third] : [third, client];

const size = isUpload ? o.inner + OVERHEAD : o.inner - INNER_HEADERS;
const arena = new Arena(o.count * size + ROOM);
pin(arena);
if (isUpload) {
  const sealer = new Sealer(1);
  for (let i = 0; i < o.count; i++) {
    emitInnerPacket(sealer.view, sealer.innerAt, o.inner, 0, 0, i);
    arena.bytes.set(sealer.seal(0, o.firstSequence + i, o.inner), i * size);
  }
}
const room = arena.address + o.count * size;

const microseconds: number[] = [];
let lost = 0;
for (let i = 0; i < o.count; i++) {
  while (read(to, room, ROOM) > 0); // A straggler must not be taken for the next one.
  const start = performance.now();
  let now = start;
  if (write(from, arena.address + i * size, size) !== size) throw new Error('a datagram could not be sent');
  let length = -1;
  while (length < 0 && now - start < PATIENCE_MS) {
    length = read(to, room, ROOM);
    now = performance.now();
  }
  if (length < 0) lost++;
  else microseconds.push(Math.round((now - start) * 1e5) / 100);
  const next = now + (Math.random() * o.pauseMicroseconds) / 1000;
  while (performance.now() < next);
}
finish({ microseconds, lost } satisfies Latencies);
