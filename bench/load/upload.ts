// A program: clients that send sealed datagrams to the gateway. Sequence numbers rise and none is used twice, because a gateway with
// a replay window would be right to refuse them.

import { Arena } from '../../src/base/arena.ts';
import { pin } from '../../src/io/native.ts';
import { ADDRESS, PORT } from '../network.ts';
import { blast } from './blast.ts';
import { emitInnerPacket } from './inner-packet.ts';
import { finish, options, prepared } from './program.ts';
import { OVERHEAD, Sealer } from './sealer.ts';
import { openLoadSocket } from './sockets.ts';

/** What the clients send. */
export interface UploadOptions {
  readonly clients: number;
  /** Flows of each client, which take turns, a train each. */
  readonly flows: number;
  /** Octets of an inner packet. */
  readonly inner: number;
  /** Packets that are sealed, and so the most that are sent. */
  readonly count: number;
  readonly firstSequence: number;
  readonly train: number;
  readonly seconds: number;
  readonly rate: number;
}

const o = options<UploadOptions>();
const size = o.inner + OVERHEAD;
const datagrams = new Arena(o.count * size);
pin(datagrams);
const sealer = new Sealer(o.clients);
for (let i = 0; i < o.count; i++) {
  const turn = Math.floor(i / o.train);
  const client = turn % o.clients;
  const flow = Math.floor(turn / o.clients) % o.flows;
  emitInnerPacket(sealer.view, sealer.innerAt, o.inner, client, flow, i);
  datagrams.bytes.set(sealer.seal(client, o.firstSequence + i, o.inner), i * size);
}
const gateway = { address: ADDRESS.gateway, port: PORT.satp };
const fd = openLoadSocket({ address: ADDRESS.client, port: PORT.client }, gateway, o.train > 1 ? size : 0);
await prepared();
finish(blast({ ...o, fd, datagrams, size, repeat: false, destinations: [] }));
