// The gateway as a whole: takes its resources, keeps its shard running, answers the HTTP side, and gives everything back. What it never
// does is touch a packet.

import type { Logger } from 'pino';
import { Cell, ClientState, type ClientStateName, type Counters, createCounters } from '../base/counters.ts';
import { GatewayError } from '../base/errors.ts';
import { seconds } from '../base/time.ts';
import { monotonicClock } from '../io/clock.ts';
import { type Config, examineFile, summarize } from './config.ts';
import { DropSampler } from './drop-sampler.ts';
import {
  type Check,
  clientStates,
  type GatewayControl,
  type GatewayStatus,
  type ReloadResult,
  type Vitals,
} from './gateway-control.ts';
import { checkHealth, doesDeviceExist } from './gateway-health.ts';
import { hostAddresses } from './host-addresses.ts';
import { startHttp } from './http.ts';
import { formatListenAddress } from './listen-address.ts';
import { PresentSettings } from './present-settings.ts';
import { refuseFixed } from './reload.ts';
import { changeHost, type Resources, takeResources } from './resources.ts';
import { ShardSupervisor } from './shard-supervisor.ts';
import { Tables } from './tables.ts';
import { VERSION } from './version.ts';

const DROP_SUMMARY_EVERY = seconds(10);
/** What clients sent in this time before a `kill -9` could be replayed once afterwards. */
const NUMBERS_SAVED_EVERY = seconds(2);
const HOST_WATCHED_EVERY = seconds(10);

/** A running gateway. */
export class Gateway implements GatewayControl {
  readonly #log: Logger;
  readonly #resources: Resources;
  readonly #shard: ShardSupervisor;
  readonly #tables: Tables;
  readonly #counters: Counters = createCounters();
  readonly #startedAt: Date = new Date();
  readonly #reloads = { success: 0, failure: 0 };
  #config: Config;
  #lastReload: number = Date.now() / 1000;
  #isDraining = false;
  /** From here on nothing may be taken or set up any more, for nobody would put it back. */
  #isStopping = false;
  readonly #failure = Promise.withResolvers<GatewayError>();
  readonly #settings: PresentSettings;
  #reloading: Promise<unknown> = Promise.resolve();
  #stack: AsyncDisposableStack | undefined;

  private constructor(config: Config, resources: Resources, log: Logger) {
    this.#config = config;
    this.#resources = resources;
    this.#log = log;
    this.#settings = new PresentSettings(resources.senderIds, hostAddresses);
    this.#shard = new ShardSupervisor({
      resources: {
        sockets: resources.sockets.map(({ fd, family }) => ({ fd, family })),
        tunFd: resources.device.queues[0]!,
      },
      counters: this.#counters,
      lines: resources.numbers.store,
      freshSettings: () => this.#settings.fresh(this.#config),
      leaseSenderId: () => this.#tryLease(),
      onUp: () => log.info('the shard takes packets'),
      onDown: (err) => this.#onShardDown(err),
    });
    this.#tables = new Tables(this.#shard, () => this.#config);
  }

  /**
   * Starts a gateway; when this returns it relays and answers on `http.listen`. When it throws, the host is as it was.
   *
   * @throws {GatewayError} see {@link takeResources}; ERR_SHARD, ERR_SENDER_IDS_EXHAUSTED, ERR_HTTP_LISTEN
   */
  static async start(config: Config, log: Logger): Promise<Gateway> {
    await using stack = new AsyncDisposableStack();
    const resources = await takeResources(config, log, stack);
    const gateway = new Gateway(config, resources, log);
    stack.defer(() => gateway.#shard.stop());
    await gateway.#shard.start();
    for (const timer of [
      setInterval(() => gateway.#logDrops(), DROP_SUMMARY_EVERY / 10),
      setInterval(() => gateway.#saveNumbers(), NUMBERS_SAVED_EVERY),
      setInterval(() => gateway.#watchHost(), HOST_WATCHED_EVERY),
    ]) {
      stack.defer(() => clearInterval(timer));
    }
    const { listen, token } = config.http;
    const http = await startHttp(gateway, token === undefined ? { listen } : { listen, token }, log);
    stack.defer(() => http.close());
    gateway.#stack = stack.move();
    log.info(
      {
        version: VERSION,
        satp: config.satp.listen.map(formatListenAddress),
        http: http.address,
        clients: config.clients.length,
        egress: config.relay.egress,
      },
      'anygate is ready',
    );
    return gateway;
  }

  /** Resolves if the gateway can no longer do its work and should be started anew; until then it is pending. */
  get failed(): Promise<GatewayError> {
    return this.#failure.promise;
  }

  /** Ends the gateway: refuses to be ready, lets the shard finish, puts the host back, closes everything. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#isDraining = true;
    const stack = this.#stack;
    this.#stack = undefined;
    await this.#reloading;
    await stack?.disposeAsync();
  }

  status(): GatewayStatus {
    const { satp, relay, node } = this.#config;
    return {
      node: node.name,
      version: VERSION,
      startedAt: this.#startedAt.toISOString(),
      uptimeSeconds: Math.floor((Date.now() - this.#startedAt.getTime()) / 1000),
      draining: this.#isDraining,
      shards: 1,
      listen: satp.listen.map(formatListenAddress),
      egress: relay.egress,
      clients: this.#clientStates(),
    };
  }

  health(): readonly Check[] {
    return checkHealth({ shard: this.#shard, resources: this.#resources, isDraining: this.#isDraining });
  }

  vitals(): Vitals {
    return {
      startTimeSeconds: this.#startedAt.getTime() / 1000,
      draining: this.#isDraining,
      clients: this.#clientStates(),
      socketReceiveDrops: this.#resources.sockets.map((socket) => socket.receiveDrops()),
      shardRestarts: this.#shard.restarts,
      reloads: this.#reloads,
      lastReloadSuccessSeconds: this.#lastReload,
    };
  }

  counters(): readonly Counters[] {
    return [this.#counters];
  }

  readonly clients: GatewayControl['clients'] = (query) => this.#tables.clients(query);
  readonly mappings: GatewayControl['mappings'] = (query) => this.#tables.mappings(query);
  readonly sessions: GatewayControl['sessions'] = (query) => this.#tables.sessions(query);
  readonly pools: GatewayControl['pools'] = (query) => this.#tables.pools(query);

  async resetClient(name: string): Promise<boolean> {
    const client = this.#config.clients.find((c) => c.name === name);
    if (client === undefined) return false;
    await this.#shard.reset(client.mux);
    this.#saveNumbers();
    this.#log.warn({ client: name }, 'a client was reset: its next authentic datagram counts as its first');
    return true;
  }

  /** One reload at a time: they are taken up in the order in which they were asked for. */
  reload(): Promise<ReloadResult> {
    const result = this.#reloading.then(() => this.#reload());
    this.#reloading = result.catch(() => undefined);
    return result;
  }

  async #reload(): Promise<ReloadResult> {
    if (this.#isStopping) {
      return { applied: false, code: 'ERR_UNREACHABLE', message: 'the gateway is stopping', problems: [] };
    }
    const { file } = this.#config;
    const { config: next, problems } = examineFile(file, process.env);
    const refused = next === undefined ? problems : refuseFixed(this.#config, next);
    if (next === undefined || refused.length > 0) {
      this.#reloads.failure++;
      const message = summarize(file, refused);
      this.#log.error({ problems: refused }, `the configuration was not reloaded: ${message}`);
      return { applied: false, code: 'ERR_CONFIG', message, problems: refused };
    }
    try {
      await this.#apply(next);
    } catch (error) {
      this.#reloads.failure++;
      this.#log.error({ err: error }, 'the configuration was not reloaded; the former one is in force');
      const code = error instanceof GatewayError ? error.code : 'ERR_SHARD';
      return { applied: false, code, message: (error as Error).message, problems: [] };
    }
    this.#reloads.success++;
    this.#lastReload = Date.now() / 1000;
    this.#log.level = next.log.level;
    this.#log.info({ clients: next.clients.length }, 'the configuration was reloaded');
    return { applied: true, warnings: problems };
  }

  /** All or nothing: what fails leaves the former configuration in force. */
  async #apply(next: Config): Promise<void> {
    const former = this.#config;
    await changeHost(this.#resources, former, next, this.#log);
    try {
      await this.#settings.during(() => this.#shard.apply(this.#settings.changed(next)));
      this.#config = next;
    } catch (error) {
      await changeHost(this.#resources, next, former, this.#log);
      throw error;
    }
  }

  /** The host may gain an address that clients could not be kept from, had the shard not heard of it. */
  #watchHost(): void {
    const change = this.#reloading.then(() =>
      this.#settings.during(async () => {
        if (!this.#shard.isUp || this.#isDraining) return;
        const settings = this.#settings.afterHostChange(this.#config);
        if (settings === undefined) return;
        await this.#shard.apply(settings);
        this.#log.info('the addresses of this host have changed; clients cannot reach the new ones');
      }),
    );
    this.#reloading = change.catch((err: unknown) =>
      this.#log.error({ err }, 'new addresses of this host: not applied'),
    );
  }

  #onShardDown(err: Error): void {
    this.#log.error({ err }, 'the shard is down and its sessions are lost; another is being started');
    // A new shard on the file descriptor of a device that was deleted would die as well.
    if (!doesDeviceExist(this.#resources.device)) {
      const { name } = this.#resources.device;
      this.#failure.resolve(
        new GatewayError('ERR_TUN_OPEN', `the TUN device ${name} was deleted while the gateway ran`),
      );
    }
  }

  #tryLease(): number | undefined {
    try {
      return this.#resources.senderIds.lease();
    } catch (err) {
      this.#log.error({ err }, 'no fresh sender id for a client whose sequence numbers run out');
      return undefined;
    }
  }

  #saveNumbers(): void {
    try {
      this.#resources.numbers.save();
    } catch (err) {
      this.#log.error({ err }, 'the numbers of clients were not saved; a restart may take up older ones');
    }
  }

  #clientStates(): Record<ClientStateName, number> {
    const states = { connected: 0, unproven: 0, unheard: 0 };
    for (const state of clientStates) states[state] = this.#counters[Cell.tunnelClients + ClientState[state]]!;
    return states;
  }

  #logDrops(): void {
    const summary = this.#sampler.sample([this.#counters], monotonicClock.now());
    if (summary !== undefined) this.#log.warn(summary, 'packets were refused');
  }
  readonly #sampler = new DropSampler(DROP_SUMMARY_EVERY);
}
