// The demonstration without root: the story's parties on a network in memory. The third party knows no way but to the pool, and whoever
// taps the underlay must not find there what the client has said.

import { randomBytes } from 'node:crypto';
import { invariant } from '../../base/assert.ts';
import { protocolNames } from '../../base/protocol.ts';
import { below } from '../../base/random.ts';
import { examineText, summarize } from '../../control/config.ts';
import { shardSettings } from '../../control/shard-settings.ts';
import { SystemRandom } from '../../io/random.ts';
import type { MappingView } from '../../nat/policy.ts';
import { formatIp4, type Ip4, parseIp4 } from '../../wire/addr.ts';
import { gatewayConfig } from './gateway-config.ts';
import type { PingResult } from './icmp.ts';
import { MemoryNetwork } from './memory-network.ts';
import { seriesOf } from './series.ts';
import { greetingTo, httpRequest, httpResponse, parseHttpResponse, ServicePort } from './services.ts';
import type { Sighting } from './sighting.ts';
import { TinyHost } from './tiny-host.ts';
import { Address, type MappingRow, MUX, type Preparation, SATP_PORT, type World } from './world.ts';

const PINGS = 3;
const ECHO_ID = 7;
const CLIENT_PORT = { underlay: 50_000, udp: 40_001, tcp: 40_002 } as const;
const MAPPINGS_SHOWN = 100;
const ECHO_DATA = new Uint8Array(56).fill(0x61);

const addressOf = (text: string): Ip4 => {
  const address = parseIp4(text);
  invariant(address !== undefined, `${text} is an address`);
  return address;
};

const formatEndpoint = ({ address, port }: MappingView['internal']): string => `${formatIp4(address)}:${port}`;

const showMapping = (view: MappingView): MappingRow => ({
  protocol: protocolNames[view.protocol],
  internal: formatEndpoint(view.internal),
  external: formatEndpoint(view.external),
  sessions: view.sessions,
});

/** Hosts and links in the memory of this process. */
export class MemoryWorld implements World {
  readonly kind = 'memory';
  readonly introduction: readonly string[];
  readonly preparations: readonly Preparation[] = [
    { title: 'Network', run: async () => this.#describeNetwork() },
    { title: 'Gateway', run: async () => this.#startGateway() },
    { title: 'Client', run: async () => this.#connectClient() },
  ];
  readonly doors: readonly string[] = [];
  readonly #host: TinyHost;
  readonly #thirdParty: TinyHost;
  readonly #tapped: string[] = [];
  #network: MemoryNetwork | undefined;

  /** `reason` says why it is not namespaces, as the end of a sentence. */
  constructor(reason: string) {
    this.introduction = [
      'A client, a gateway and a third party, joined in memory.',
      `Not in network namespaces: ${reason}.`,
      'The configuration, the ciphers, the NAT and our own client are the real ones. With namespaces there would also be TUN devices,',
      'UDP sockets, the gateway as a process that answers HTTP, and a real uanytun if it is installed.',
    ];
    const network = (): MemoryNetwork => this.#running;
    this.#host = new TinyHost('the client', addressOf(Address.innerClient), (p) => network().sendFromHost(p));
    this.#thirdParty = new TinyHost('the third party', addressOf(Address.thirdParty), (p) => this.#route(p));
    this.#thirdParty.onUdp(ServicePort.udp, (_, from) => greetingTo(from));
    this.#thirdParty.onTcp(ServicePort.http, (text, from) =>
      text.endsWith('\r\n\r\n') ? httpResponse(from) : undefined,
    );
  }

  async ping(address: string): Promise<PingResult> {
    const before = this.#host.echoReplies.length;
    for (let sequence = 1; sequence <= PINGS; sequence++) {
      this.#host.ping(addressOf(address), ECHO_ID, sequence, ECHO_DATA);
      this.#running.settle();
    }
    return { sent: PINGS, answered: this.#host.echoReplies.length - before };
  }

  async askByUdp(text: string): Promise<string | null> {
    let answer: string | null = null;
    this.#host.onUdp(CLIENT_PORT.udp, (received) => {
      answer = received;
      return undefined;
    });
    this.#host.sendUdp(CLIENT_PORT.udp, addressOf(Address.thirdParty), ServicePort.udp, text);
    this.#running.settle();
    invariant(!this.#tapped.some((datagram) => datagram.includes(text)), 'the underlay carries nothing in the clear');
    return answer;
  }

  async askByHttp(): Promise<{ readonly status: number; readonly body: string }> {
    const request = httpRequest(Address.thirdParty);
    const remote = addressOf(Address.thirdParty);
    const connection = this.#host.connect(CLIENT_PORT.tcp, remote, ServicePort.http, request);
    this.#running.settle();
    invariant(connection.isDone, 'the TCP connection is closed in order by both sides');
    return parseHttpResponse(connection.text);
  }

  sightings(): readonly Sighting[] {
    return this.#thirdParty.sightings;
  }

  async mappings(): Promise<readonly MappingRow[]> {
    return this.#running.nat.mappings(MAPPINGS_SHOWN).rows.map(showMapping);
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    return seriesOf(this.#running.counters);
  }

  async close(): Promise<void> {}

  get #running(): MemoryNetwork {
    invariant(this.#network !== undefined, 'nobody sends before the gateway is there');
    return this.#network;
  }

  /** The third party's only route is to the pool. */
  #route(packet: Uint8Array): void {
    const to = new DataView(packet.buffer, packet.byteOffset).getUint32(16);
    invariant(to === addressOf(Address.pool), 'the third party answers the pool address only');
    this.#running.sendFromInternet(packet);
  }

  #describeNetwork(): readonly string[] {
    return [
      `client ${Address.client} ── ${Address.gateway} gateway ${Address.gatewayOutside} ── ${Address.thirdParty} third party`,
      `${Address.pool} is routed to the gateway: its pool of external addresses`,
      'the third party has no route to the client, nor to the tunnel',
    ];
  }

  #startGateway(): readonly string[] {
    const random = new SystemRandom();
    const key = `key: "${randomBytes(16).toString('hex')}", salt: "${randomBytes(14).toString('hex')}"`;
    const file = 'anygate.yaml';
    const text = gatewayConfig({ stateDir: '/var/lib/anygate', http: '127.0.0.1:9464', key });
    const { config, problems } = examineText(text, file);
    invariant(config !== undefined, `the configuration is right: ${summarize(file, problems)}`);
    this.#network = new MemoryNetwork({
      settings: shardSettings(config, { senderId: below(random, 65_536), hostAddresses: [] }),
      gateway: { address: Address.gateway, port: SATP_PORT },
      client: {
        address: Address.client,
        port: CLIENT_PORT.underlay,
        innerAddress: addressOf(Address.innerClient),
        senderId: below(random, 65_536),
      },
    });
    this.#network.attach(
      (packet) => this.#host.deliver(packet),
      (packet) => this.#thirdParty.deliver(packet),
      (datagram) => this.#tapped.push(Buffer.from(datagram).toString('latin1')),
    );
    return [
      'one shard with the configuration that the real demonstration uses, and fresh keys',
      `serves ${Address.gateway}:${SATP_PORT}, answers pings as ${Address.innerGateway}`,
    ];
  }

  async #connectClient(): Promise<readonly string[]> {
    const { answered } = await this.ping(Address.innerGateway);
    invariant(answered === PINGS, 'the gateway answers pings through the tunnel');
    return [`our own client, ${Address.innerClient} in the tunnel (mux ${MUX}), which is its default route`];
  }
}
