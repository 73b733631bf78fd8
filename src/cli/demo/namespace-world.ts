// The demonstration with root: real namespaces, the gateway as its operator runs it, a real client, and everything that they say to one
// another on real devices. What the gateway knows of it is asked of its HTTP side.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../base/errors.ts';
import { formatKeyFile } from '../../control/key-file.ts';
import { gatewayConfig } from './gateway-config.ts';
import { HttpDoor, requestLocally } from './http-door.ts';
import type { PingResult } from './icmp.ts';
import {
  type Box,
  createDirectory,
  createNamespaces,
  hasDevice,
  inside,
  nameOf,
  removeNamespaces,
} from './namespaces.ts';
import type { Probe, ProbeResults, ThirdPartyLine } from './parts.ts';
import { isInstalled, Running, run, until } from './processes.ts';
import { parseSeries } from './series.ts';
import type { Sighting } from './sighting.ts';
import { Address, CLIENT_DEVICE, type MappingRow, MUX, type Preparation, SATP_PORT, type World } from './world.ts';

const LAUNCHER = join(import.meta.dirname, '../../../bin/anygate');
const EXTENSION = import.meta.filename.slice(-2);
const PART = join(import.meta.dirname, `part-main.${EXTENSION}`);
const OWN_CLIENT = join(import.meta.dirname, `../../client/main.${EXTENSION}`);
const START_PATIENCE_MS = 15_000;
const MTU = 1400;

/** Which client connects. */
export type ClientKind = 'own' | 'uanytun';

/** How to set it up. */
export interface NamespaceWorldOptions {
  readonly client: ClientKind;
  /** What this client is and why it is this one, for people. */
  readonly description: string;
}

/** Real namespaces, devices and processes of this machine. */
export class NamespaceWorld implements World {
  readonly kind = 'namespaces';
  readonly introduction: readonly string[] = [
    'A client, a gateway and a third party, each in a network namespace of this machine.',
    'Everything is real: devices, datagrams, ciphers. The machine’s own network is not touched.',
  ];
  readonly preparations: readonly Preparation[];
  readonly #options: NamespaceWorldOptions;
  readonly #directory: string;
  readonly #processes: Running[] = [];
  readonly #sightings: Sighting[] = [];
  readonly #key = { master: randomBytes(16), salt: randomBytes(14) };
  readonly #onExit = (): void => this.#removeNow();
  #isThirdPartyReady = false;
  #prober: Running | undefined;
  #onProbed: (line: string) => void = () => {};
  #door: HttpDoor | undefined;

  constructor(options: NamespaceWorldOptions) {
    this.#options = options;
    this.#directory = createDirectory();
    process.once('exit', this.#onExit);
    this.preparations = [
      { title: 'Network', run: () => this.#joinNamespaces() },
      { title: 'Gateway', run: () => this.#startGateway() },
      { title: 'Client', run: () => this.#connectClient() },
    ];
  }

  ping(address: string): Promise<PingResult> {
    return this.#probe<'ping'>({ kind: 'ping', address });
  }

  askByUdp(text: string): Promise<string | null> {
    return this.#probe<'udp'>({ kind: 'udp', address: Address.thirdParty, text });
  }

  askByHttp(): Promise<ProbeResults['http']> {
    return this.#probe<'http'>({ kind: 'http', address: Address.thirdParty });
  }

  sightings(): readonly Sighting[] {
    return this.#sightings;
  }

  async mappings(): Promise<readonly MappingRow[]> {
    const { body } = await requestLocally(this.#socket, '/api/v1/mappings');
    return (JSON.parse(body) as { mappings: MappingRow[] }).mappings;
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    return parseSeries((await requestLocally(this.#socket, '/metrics')).body);
  }

  get doors(): readonly string[] {
    const url = this.#door?.url ?? '';
    const shell = (box: Box, hint: string): string => `ip netns exec ${nameOf(box)} bash${hint}`;
    const hint = (command: string, args: string): string =>
      isInstalled(command) ? `   then perhaps: ${command} ${args}` : '';
    return [
      `Status page             ${url}`,
      `Metrics                 ${url}metrics`,
      `A shell at the client   ${shell('client', hint('curl', `http://${Address.thirdParty}/`))}`,
      `        at the gateway  ${shell('gateway', hint('ip', 'address'))}`,
      `   at the third party   ${shell('internet', hint('tcpdump', '-ni any'))}`,
      `Configuration and logs  ${this.#directory}`,
    ];
  }

  async close(): Promise<void> {
    this.#door?.close();
    // The client first: what would it do without a gateway?
    for (const running of this.#processes.toReversed()) await running.stop();
    process.off('exit', this.#onExit);
    this.#removeNow();
  }

  get #socket(): string {
    return join(this.#directory, 'http.sock');
  }

  #removeNow(): void {
    for (const running of this.#processes) running.kill();
    removeNamespaces();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #write(name: string, content: string): string {
    const file = join(this.#directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  #start(name: string, argv: readonly string[], onLine?: (line: string) => void): Running {
    const running = new Running(name, argv, join(this.#directory, `${name}.log`), onLine);
    this.#processes.push(running);
    return running;
  }

  /** Lets the prober do `probe`. @throws {GatewayError} ERR_HOST_SETUP if it has ended */
  async #probe<K extends keyof ProbeResults>(probe: Probe & { readonly kind: K }): Promise<ProbeResults[K]> {
    const prober = this.#prober!;
    const answer = new Promise<string>((resolve) => {
      this.#onProbed = resolve;
    });
    prober.say(JSON.stringify(probe));
    const line = await Promise.race([answer, prober.ended]);
    if (line === undefined) {
      throw new GatewayError('ERR_HOST_SETUP', `the prober ended; it said:\n${prober.lastWords()}`);
    }
    return JSON.parse(line) as ProbeResults[K];
  }

  /** Waits for what `running` brings about. @throws {GatewayError} ERR_HOST_SETUP with its last words if it does not. */
  async #await(running: Running, what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const isOver = await until(async () => !running.isRunning || (await isSo()), START_PATIENCE_MS);
    if (isOver && running.isRunning) return;
    const how = running.isRunning ? `no ${what} within ${START_PATIENCE_MS / 1000} s` : 'it ended';
    throw new GatewayError(
      'ERR_HOST_SETUP',
      `the ${running.name} did not start (${how}); it said:\n${running.lastWords()}`,
    );
  }

  async #joinNamespaces(): Promise<readonly string[]> {
    await createNamespaces();
    const party = this.#start(
      'third-party',
      inside('internet', [process.execPath, PART, 'third-party', Address.thirdParty]),
      (text) => {
        const line = JSON.parse(text) as ThirdPartyLine;
        if ('saw' in line) this.#sightings.push(line.saw);
        else this.#isThirdPartyReady = true;
      },
    );
    this.#prober = this.#start('prober', inside('client', [process.execPath, PART, 'prober']), (line) => {
      this.#onProbed(line);
    });
    await this.#await(party, 'word from it', () => this.#isThirdPartyReady);
    return [
      `client ${Address.client} ── ${Address.gateway} gateway ${Address.gatewayOutside} ── ${Address.thirdParty} third party`,
      `${Address.pool} is routed to the gateway: its pool of external addresses`,
      'the third party has no route to the client, nor to the tunnel',
    ];
  }

  async #startGateway(): Promise<readonly string[]> {
    mkdirSync(join(this.#directory, 'keys'), { mode: 0o700 });
    this.#write('keys/demo', formatKeyFile(this.#key.master, this.#key.salt));
    const config = this.#write(
      'anygate.yaml',
      gatewayConfig({
        stateDir: join(this.#directory, 'state'),
        http: `unix:${this.#socket}`,
        key: 'keyFile: keys/demo',
      }),
    );
    const gateway = this.#start('gateway', inside('gateway', [LAUNCHER, 'serve', '--config', config]));
    await this.#await(gateway, 'ready gateway', async () => {
      return existsSync(this.#socket) && (await requestLocally(this.#socket, '/readyz')).status === 200;
    });
    this.#door = await HttpDoor.open(this.#socket);
    return [
      `anygate serve --config ${config}`,
      `serves UDP ${Address.gateway}:${SATP_PORT}, answers pings as ${Address.innerGateway}`,
    ];
  }

  async #connectClient(): Promise<readonly string[]> {
    const client = this.#options.client === 'own' ? this.#startOwnClient() : this.#startUanytun();
    await this.#await(client, `device ${CLIENT_DEVICE}`, () => hasDevice('client', CLIENT_DEVICE));
    await run(
      ['ip', '-n', nameOf('client'), '-batch', '-'],
      [
        // IPv6 would only talk to itself in this tunnel.
        `link set ${CLIENT_DEVICE} addrgenmode none`,
        `addr replace ${Address.innerClient}/24 dev ${CLIENT_DEVICE}`,
        `link set ${CLIENT_DEVICE} mtu ${MTU} up`,
        `route replace default dev ${CLIENT_DEVICE}`,
        '',
      ].join('\n'),
    );
    const answer = await this.ping(Address.innerGateway);
    if (answer.answered === 0) {
      throw new GatewayError(
        'ERR_HOST_SETUP',
        `the gateway does not answer through the tunnel; the client said:\n${client.lastWords()}`,
      );
    }
    return [
      this.#options.description,
      `is ${Address.innerClient} in the tunnel (mux ${MUX}), which is its default route`,
    ];
  }

  #startUanytun(): Running {
    const { master, salt } = this.#key;
    return this.#start(
      'client',
      inside('client', [
        ...['uanytun', '--nodaemonize', '--log', 'stderr:3', '--type', 'tun', '--dev', CLIENT_DEVICE],
        ...['--remote-host', Address.gateway, '--remote-port', `${SATP_PORT}`, '--role', 'right', '--mux', `${MUX}`],
        // It takes keys in no other way, and hides them from `ps` at once. These live as long as the demonstration.
        ...['--key', master.toString('hex'), '--salt', salt.toString('hex')],
      ]),
    );
  }

  #startOwnClient(): Running {
    const config = {
      gateway: `${Address.gateway}:${SATP_PORT}`,
      mux: MUX,
      key: this.#key.master.toString('hex'),
      salt: this.#key.salt.toString('hex'),
      stateDir: join(this.#directory, 'client-state'),
      device: { name: CLIENT_DEVICE, mtu: MTU, address: `${Address.innerClient}/24` },
    };
    const file = this.#write('client.json', `${JSON.stringify(config, undefined, 2)}\n`);
    return this.#start('client', inside('client', [process.execPath, OWN_CLIENT, file]));
  }
}
