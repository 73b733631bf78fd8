// The demonstration's network where there is no root: the gateway's own core between two scripted hosts, joined by links in memory.
// The shard, its NAT, our client and OpenSSL's ciphers are those that a gateway runs on; what is missing is the kernel with its
// sockets, devices and routes, which is a loop here.
//
//   host ── device link ── client ══ underlay, SATP only ══ gateway ── device link ── third party

import { type Counters, createCounters } from '../../base/counters.ts';
import { SeededRandom } from '../../base/random.ts';
import { ManualClock, milliseconds } from '../../base/time.ts';
import { GATEWAY_ROW, gatewayAssociation, PlainClient } from '../../client/plain-client.ts';
import { Assembly } from '../../dataplane/assembly.ts';
import type { ShardSettings } from '../../dataplane/settings.ts';
import { Shard } from '../../dataplane/shard.ts';
import { DatagramLink, PacketLink } from '../../io/memory.ts';
import { OpensslCrypto } from '../../io/openssl-crypto.ts';
import { SystemRandom } from '../../io/random.ts';
import { endpointOf } from '../../io/socket-address.ts';
import type { Nat44 } from '../../nat/nat44.ts';
import { otherRole } from '../../satp/key-derivation.ts';
import { createLineStore } from '../../satp/line-store.ts';
import { PacketCrypto } from '../../satp/packet-crypto.ts';
import { Satp, TAG_BUCKETS } from '../../satp/satp.ts';
import type { Ip4 } from '../../wire/addr.ts';

/** How long a turn of the network takes on its own clock. */
const TURN = milliseconds(1);
const REPLAY_WINDOW = 1024;

/** Who is where. */
export interface MemoryNetworkOptions {
  /** With one client. */
  readonly settings: ShardSettings;
  readonly gateway: { readonly address: string; readonly port: number };
  readonly client: {
    readonly address: string;
    readonly port: number;
    readonly innerAddress: Ip4;
    readonly senderId: number;
  };
}

/** What stands at the end of a link. */
export type Receiver = (packet: Uint8Array) => void;

/** A gateway and a client, with a place for a host at either end. */
export class MemoryNetwork {
  /** The gateway's. */
  readonly counters: Counters = createCounters();
  readonly nat: Nat44;
  /** The client's. */
  readonly clientCounters: Counters = createCounters();
  readonly #clock = new ManualClock();
  readonly #shard: Shard;
  readonly #client: PlainClient;
  readonly #gatewaySide: DatagramLink;
  readonly #clientSide: DatagramLink;
  readonly #internet: PacketLink;
  readonly #host: PacketLink;
  readonly #gateway: MemoryNetworkOptions['gateway'];
  /** The client as the gateway sees it, one endpoint row. */
  #clientEndpoint: Uint32Array;
  #onHost: Receiver = () => {};
  #onInternet: Receiver = () => {};
  #onUnderlay: Receiver = () => {};

  constructor({ settings, gateway, client }: MemoryNetworkOptions) {
    const link = { clock: this.#clock, random: new SeededRandom(1) };
    this.#gatewaySide = new DatagramLink(0, link);
    this.#clientSide = new DatagramLink(0, link);
    this.#internet = new PacketLink(link);
    this.#host = new PacketLink(link);
    this.#gateway = gateway;
    this.#clientEndpoint = endpointOf(0, client.address, client.port, gateway.address);

    const lines = createLineStore(settings.nat.capacity.clients, TAG_BUCKETS, new SystemRandom());
    const { stages } = new Assembly(settings, this.counters, lines, this.#clock.now());
    this.nat = stages.nat;
    this.#shard = new Shard(stages, { sockets: [this.#gatewaySide], tun: this.#internet }, this.counters);

    const { mux, keys } = settings.clients[0]!.association;
    const clientSatp = new Satp({
      capacity: GATEWAY_ROW + 1,
      replayWindow: REPLAY_WINDOW,
      gatewayAddress: client.innerAddress,
      crypto: new PacketCrypto(new OpensslCrypto(), GATEWAY_ROW + 1),
      random: new SystemRandom(),
      counters: this.clientCounters,
    });
    const clientKeys = { mux, keys: { ...keys, role: otherRole(keys.role) } };
    clientSatp.add(GATEWAY_ROW, gatewayAssociation(clientKeys), client.senderId);
    this.#client = new PlainClient(
      clientSatp,
      endpointOf(0, gateway.address, gateway.port, client.address),
      { socket: this.#clientSide, tun: this.#host },
      this.clientCounters,
    );
  }

  /** Puts hosts at both ends, and a listener on the underlay between client and gateway. */
  attach(onHost: Receiver, onInternet: Receiver, onUnderlay: Receiver = () => {}): void {
    this.#onHost = onHost;
    this.#onInternet = onInternet;
    this.#onUnderlay = onUnderlay;
  }

  /** The host sends `packet` into its device. */
  sendFromHost(packet: Uint8Array): void {
    this.#host.push(packet);
  }

  /** Somebody on the Internet sends `packet`, and the host's routes lead it to the gateway's device. */
  sendFromInternet(packet: Uint8Array): void {
    this.#internet.push(packet);
  }

  /** Lets the client appear elsewhere on the underlay, as a mobile one does. */
  moveClient(address: string, port: number): void {
    this.#clientEndpoint = endpointOf(0, address, port, this.#gateway.address);
  }

  /** Lets everything flow until nothing moves. */
  settle(): void {
    while (this.#turn() > 0) this.#clock.advance(TURN);
  }

  /** Moves what waits one hop; returns how much there was. */
  #turn(): number {
    const now = this.#clock.now();
    let moved = this.#client.turn(now) + this.#shard.turn(now);
    for (let d = this.#clientSide.pull(); d !== undefined; d = this.#clientSide.pull(), moved++) {
      this.#onUnderlay(d.bytes);
      this.#gatewaySide.push(d.bytes, this.#clientEndpoint);
    }
    for (let d = this.#gatewaySide.pull(); d !== undefined; d = this.#gatewaySide.pull(), moved++) {
      this.#onUnderlay(d.bytes);
      this.#clientSide.push(d.bytes, d.endpoint);
    }
    for (let p = this.#internet.pull(); p !== undefined; p = this.#internet.pull(), moved++) this.#onInternet(p);
    for (let p = this.#host.pull(); p !== undefined; p = this.#host.pull(), moved++) this.#onHost(p);
    return moved;
  }
}
