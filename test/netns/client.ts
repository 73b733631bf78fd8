// The unmodified daemons as clients: started in the foreground, their device configured by us, their log kept.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { eventually, type RunningProcess, succeed } from './processes.ts';
import { ADDRESS, type ClientBox, INNER, PREFIX } from './topology.ts';

/** How a client is started. What is absent is left to the daemon's default. */
export interface ClientOptions {
  readonly box: ClientBox;
  readonly daemon?: 'anytun' | 'uanytun';
  readonly passphrase?: string;
  /** Hex. */
  readonly key?: string;
  /** Hex, 28 digits. */
  readonly salt?: string;
  readonly mux?: number;
  /** The client's role; `right` if absent, because gateways are left. */
  readonly role?: 'left' | 'right';
  readonly cipher?: string;
  readonly kdf?: string;
  readonly auth?: string;
  /** Octets. */
  readonly tag?: number;
  readonly senderId?: number;
  readonly window?: number;
  /** The gateway as the client reaches it. */
  readonly remote?: string;
  readonly port?: number;
  readonly localPort?: number;
  readonly type?: 'tun' | 'tap';
  readonly device?: string;
  readonly innerAddress?: string;
  readonly mtu?: number;
  /** Prefixes that are reached through the tunnel. */
  readonly routes?: readonly string[];
  /** Lets IPv6 speak on the device: router solicitations and MLD go through the tunnel. */
  readonly ipv6?: boolean;
}

const optional = (flag: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [flag, `${value}`];

let started = 0;

/** A daemon that runs in a client's box. */
export class TunnelClient {
  readonly box: ClientBox;
  readonly device: string;
  readonly innerAddress: string;
  readonly #lab: Lab;
  readonly #options: ClientOptions;
  readonly #process: RunningProcess;
  readonly #log: string;

  private constructor(lab: Lab, options: ClientOptions) {
    this.#lab = lab;
    this.#options = options;
    this.box = options.box;
    this.device = options.device ?? 'sat0';
    this.innerAddress = options.innerAddress ?? INNER[options.box];
    const daemon = options.daemon ?? 'uanytun';
    const name = `${options.box}-${daemon}-${started++}`;
    this.#log = join(lab.dir, `${name}.log`);
    this.#process = lab.spawn(
      options.box,
      [
        ...[daemon, '-D', '-L', `file:5,${this.#log}`],
        ...['-r', options.remote ?? ADDRESS.gw, '-o', `${options.port ?? 4444}`],
        ...['-p', `${options.localPort ?? options.port ?? 4444}`],
        ...['-t', options.type ?? 'tun', '-d', this.device, '-e', options.role ?? 'right'],
        ...optional('-m', options.mux),
        ...optional('-E', options.passphrase),
        ...optional('-K', options.key),
        ...optional('-A', options.salt),
        ...optional('-c', options.cipher),
        ...optional('-k', options.kdf),
        ...optional('-a', options.auth),
        ...optional('-b', options.tag),
        ...optional('-s', options.senderId),
        ...optional('-w', options.window),
      ],
      { log: `${name}.out` },
    );
  }

  static async start(lab: Lab, options: ClientOptions): Promise<TunnelClient> {
    const client = new TunnelClient(lab, options);
    await client.#configure();
    return client;
  }

  async #configure(): Promise<void> {
    const { mtu = 1400, routes = [PREFIX.thirdParties, PREFIX.pool], ipv6 = false } = this.#options;
    const device = this.device;
    await eventually(
      () => `${device} in ${this.box}: ${this.log()}`,
      async () => {
        if (!this.#process.isRunning) throw new Error(`the client ended: ${this.log()}`);
        return (await this.#lab.exec(this.box, ['ip', 'link', 'show', device])).code === 0;
      },
    );
    // anytun throws away what it reads from its device before this line.
    if (this.#options.daemon === 'anytun') {
      await eventually(
        () => `a connection: ${this.log()}`,
        () => this.log().includes('added connection'),
      );
    }
    if (!ipv6) await this.#lab.run(this.box, ['sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`]);
    await succeed(['ip', '-n', this.#lab.namespace(this.box), '-batch', '-'], {
      input: [
        `addr add ${this.innerAddress}/24 dev ${device}`,
        `link set ${device} mtu ${mtu} up`,
        ...routes.map((prefix) => `route add ${prefix} dev ${device} src ${this.innerAddress}`),
        '',
      ].join('\n'),
    });
  }

  /** What the daemon has logged at its highest level. */
  log(): string {
    const read = (file: string): string => {
      try {
        return readFileSync(file, 'utf8');
      } catch {
        return '';
      }
    };
    return read(this.#process.log) + read(this.#log);
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** Ends the daemon; its device goes with it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#process.stop(signal);
    await eventually(
      `${this.device} is gone`,
      async () => (await this.#lab.exec(this.box, ['ip', 'link', 'show', this.device])).code !== 0,
    );
  }

  /** Ends the daemon and starts another with the same options but for `changes`. Its numbers start at 0 again. */
  async restart(changes: Partial<ClientOptions> = {}): Promise<TunnelClient> {
    await this.stop();
    return await TunnelClient.start(this.#lab, { ...this.#options, ...changes });
  }
}
