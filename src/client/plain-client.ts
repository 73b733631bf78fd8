// A plain client: one association with one gateway over one uplink, and a TUN device for the host it runs on. The same stages as in a
// shard, without a NAT: what the device sends is sealed, what the gateway sends is opened. The host's own kernel answers the inner-echo
// challenges of a gateway, as it does for the stock daemons.
//
// A gateway is where it was configured to be: datagrams from elsewhere count as if they came from there, and all of ours go there. So
// nobody who replays the gateway's datagrams can draw the client away from it.

import { PacketBatch, Verdict } from '../base/batch.ts';
import { type Counters, dropCells } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { copyEndpoint } from '../base/endpoint.ts';
import { Direction } from '../base/protocol.ts';
import type { Instant } from '../base/time.ts';
import { checkInner } from '../dataplane/inner-check.ts';
import { BATCH_CAPACITY } from '../dataplane/shard.ts';
import { SourceTable } from '../dataplane/source-table.ts';
import type { DatagramQueue, PacketQueue } from '../io/queue.ts';
import type { AssociationSpec } from '../satp/association-spec.ts';
import type { AssociationKeys } from '../satp/crypto.ts';
import type { Satp } from '../satp/satp.ts';
import { ip4 } from '../wire/addr.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { malformed } from '../wire/malformed.ts';

/** The row of the one association. */
export const GATEWAY_ROW = 0;

/** What both ends of the association have to agree on. */
export interface GatewayKeys {
  readonly mux: number;
  readonly keys: AssociationKeys;
}

/** The association with the gateway, as the client's {@link Satp} takes it. */
export const gatewayAssociation = ({ mux, keys }: GatewayKeys): AssociationSpec => ({
  name: 'gateway',
  mux,
  keys,
  identity: 0,
  device: 'tun',
  restart: { kind: 'challenge' },
  // Whoever sent the packet that raises a doubt is asked; the gateway relays that, and its seal is the proof.
  innerAddress: 0,
});

/** What a client works on. */
export interface ClientQueues {
  readonly socket: DatagramQueue;
  readonly tun: PacketQueue;
}

/** Moves packets between its device and its gateway. Seen from here, outbound is towards the gateway. */
export class PlainClient {
  readonly #satp: Satp;
  readonly #uplink: Uint32Array;
  readonly #queues: ClientQueues;
  readonly #fromGateway: PacketBatch;
  readonly #fromHost: PacketBatch;
  /** The Internet is behind the gateway: any source may come from there. */
  readonly #anySource: SourceTable = new SourceTable(GATEWAY_ROW + 1);

  /** `satp` has its one association in {@link GATEWAY_ROW}; `uplink` is one endpoint row, the gateway's. */
  constructor(satp: Satp, uplink: Uint32Array, queues: ClientQueues, counters: Counters) {
    satp.locate(GATEWAY_ROW, uplink);
    this.#satp = satp;
    this.#uplink = uplink;
    this.#queues = queues;
    this.#fromGateway = new PacketBatch(BATCH_CAPACITY, dropCells(counters, Direction.inbound));
    this.#fromHost = new PacketBatch(BATCH_CAPACITY, dropCells(counters, Direction.outbound));
    this.#anySource.rebuild(new Map([[GATEWAY_ROW, [{ address: ip4(0), length: 0 }]]]));
  }

  /** Takes one batch from either side; returns how many packets there were. */
  turn(now: Instant): number {
    return this.#serveGateway(now) + this.#serveHost();
  }

  #serveGateway(now: Instant): number {
    const b = this.#fromGateway;
    const { socket, tun } = this.#queues;
    b.clear();
    const received = socket.receive(b);
    for (let i = 0; i < b.count; i++) copyEndpoint(this.#uplink, 0, b.endpoint, i);
    this.#satp.open(b, now);
    checkInner(b, this.#anySource);
    for (let i = 0; i < b.count; i++) if (b.verdict[i] === Verdict.pending) b.verdict[i] = Verdict.external;
    // Challenges of our own: a gateway that restarted with old numbers has to prove itself, too.
    this.#satp.seal(b);
    tun.send(b);
    socket.send(b);
    return received;
  }

  #serveHost(): number {
    const b = this.#fromHost;
    const { socket, tun } = this.#queues;
    b.clear();
    const received = tun.receive(b);
    for (let i = 0; i < b.count; i++) {
      if (b.verdict[i] !== Verdict.pending) continue;
      // What a host says of its own accord on any device, such as router solicitations of IPv6, has nobody to listen.
      if (ipv4.check(b.arena.view, b.at[i]!, b.end[i]!) === malformed) {
        b.drop(i, DropReason.innerUnsupported);
        continue;
      }
      b.client[i] = GATEWAY_ROW;
      b.verdict[i] = Verdict.client;
    }
    this.#satp.seal(b);
    socket.send(b);
    return received;
  }
}
