// A program that stands at both ends of the gateway: it sends one small packet of every flow through the tunnel, learns as the third
// party which external endpoint the flow has, answers, and opens the answer as the client. So the load finds every mapping there,
// and a gateway that relays wrongly is not measured at all.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADDRESS, PORT } from '../network.ts';
import { emitInnerPacket, flowPort, INNER_HEADERS, innerAddress } from './inner-packet.ts';
import { finish, options } from './program.ts';
import { Sealer } from './sealer.ts';
import { type Endpoint, enterNamespace } from './sockets.ts';

/** Which flows there are, and where. */
export interface PrimeOptions {
  readonly clientNamespace: string;
  readonly thirdNamespace: string;
  readonly clients: number;
  /** Flows of each client. */
  readonly flows: number;
  readonly firstSequence: number;
}

/** What was learned. */
export interface Primed {
  /** External endpoints in the order in which {@link UploadOptions} lets clients and flows take turns. */
  readonly endpoints: readonly Endpoint[];
  /** Sequence numbers used. */
  readonly used: number;
}

const INNER = INNER_HEADERS + 4;
const ROUNDS = 40;
const PAUSE_MS = 50;

const o = options<PrimeOptions>();
const flows = o.clients * o.flows;
const sealer = new Sealer(o.clients);
const endpoints: (Endpoint | undefined)[] = new Array(flows).fill(undefined);
const answered = new Set<number>();
let sequence = o.firstSequence;

const open = async (namespace: string, address: string, port: number): Promise<Socket> => {
  enterNamespace(namespace);
  const socket = createSocket('udp4');
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  return socket;
};
const third = await open(o.thirdNamespace, ADDRESS.third, PORT.third);
const client = await open(o.clientNamespace, ADDRESS.client, PORT.client);

third.on('message', (payload, from) => {
  endpoints[payload.readUInt32BE(0)] = { address: from.address, port: from.port };
  third.send(payload, from.port, from.address);
});
client.on('message', (datagram) => {
  for (let c = 0; c < o.clients; c++) {
    const packet = sealer.open(c, datagram);
    // A gateway may ask for an echo to see whether the client is there; that is no answer.
    if (packet === undefined || packet.byteLength < INNER || packet.getUint8(9) !== 17) continue;
    const number = packet.getUint32(INNER_HEADERS);
    const flow = Math.floor(number / o.clients);
    const isRight = packet.getUint32(16) === innerAddress(c) && packet.getUint16(22) === flowPort(flow);
    if (!isRight || number % o.clients !== c) throw new Error(`the answer for flow ${number} came to another one`);
    answered.add(number);
    return;
  }
});

for (let round = 0; round < ROUNDS && answered.size < flows; round++) {
  for (let number = 0; number < flows; number++) {
    if (answered.has(number)) continue;
    const c = number % o.clients;
    emitInnerPacket(sealer.view, sealer.innerAt, INNER, c, Math.floor(number / o.clients), number);
    client.send(Uint8Array.from(sealer.seal(c, sequence++, INNER)), PORT.satp, ADDRESS.gateway);
    if (number % 32 === 31) await sleep(1);
  }
  for (let wait = 0; wait < PAUSE_MS && answered.size < flows; wait += 5) await sleep(5);
}
if (answered.size < flows) {
  const seen = endpoints.filter((e) => e !== undefined).length;
  throw new Error(`of ${flows} flows the third party saw ${seen}, and ${answered.size} got their answer`);
}
finish({ endpoints: endpoints as Endpoint[], used: sequence - o.firstSequence } satisfies Primed);
