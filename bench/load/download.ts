// A program: the third party, which sends plain datagrams to the external endpoints that the clients' flows have.

import { Arena } from '../../src/base/arena.ts';
import { pin } from '../../src/io/native.ts';
import { ADDRESS, PORT } from '../network.ts';
import { blast } from './blast.ts';
import { INNER_HEADERS } from './inner-packet.ts';
import { finish, options, prepared } from './program.ts';
import { type Endpoint, openLoadSocket } from './sockets.ts';

/** What the third party sends. */
export interface DownloadOptions {
  /** Octets of an inner packet as the client will get it. */
  readonly inner: number;
  /** External endpoints, which take turns, a train each. */
  readonly destinations: readonly Endpoint[];
  readonly train: number;
  readonly seconds: number;
  readonly rate: number;
}

const o = options<DownloadOptions>();
const size = o.inner - INNER_HEADERS;
// The same few datagrams again and again: nobody here refuses what he has seen before.
const count = 64 * o.train;
const datagrams = new Arena(count * size);
pin(datagrams);
const only = o.destinations.length === 1 ? o.destinations[0] : undefined;
const fd = openLoadSocket({ address: ADDRESS.third, port: PORT.third }, only, o.train > 1 ? size : 0);
await prepared();
const destinations = only === undefined ? o.destinations : [];
finish(blast({ ...o, fd, datagrams, size, count, repeat: true, destinations }));
