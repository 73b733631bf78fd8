// The laboratory: real namespaces with real daemons, for tests that need root. `await using lab = await Lab.create()` builds one
// and takes it down again; if the test process is interrupted or throws, an exit handler does the same, and what a killed test
// process left behind goes when the next laboratory is created.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Capture } from './capture.ts';
import { type ClientOptions, TunnelClient } from './client.ts';
import { RunningGateway } from './gateway.ts';
import {
  type CommandOptions,
  eventually,
  execute,
  type Outcome,
  Processes,
  type ProcessOptions,
  type RunningProcess,
  succeed,
} from './processes.ts';
import {
  BOXES,
  type Box,
  boxCommands,
  type ClientBox,
  linkCommands,
  masqueradeScript,
  publicAddress,
  publicAddress6,
  ROUTERS,
  routerOf,
} from './topology.ts';

const PREFIX = 'ag';
const living = new Set<Lab>();
let serial = 0;

const namespaceDirectory = '/run/netns';

const deleteNamespaces = (names: readonly string[]): void => {
  for (const name of names) {
    const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
    for (const pid of stdout?.trim().split(/\s+/).filter(Boolean) ?? []) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    spawnSync('ip', ['netns', 'del', name]);
  }
};

/** Removes what laboratories of processes that no longer live have left behind. */
const sweep = (): void => {
  const isAbandoned = (name: string): boolean => {
    const match = /^(?:ag|anygate-lab-)(\d+)-/.exec(name);
    return match !== null && Number(match[1]) !== process.pid && !existsSync(`/proc/${match[1]}`);
  };
  if (existsSync(namespaceDirectory)) deleteNamespaces(readdirSync(namespaceDirectory).filter(isAbandoned));
  for (const name of readdirSync(tmpdir()).filter(isAbandoned)) rmSync(join(tmpdir(), name), { recursive: true });
};

const disposeAllNow = (): void => {
  for (const lab of [...living]) lab.disposeNow();
};
let isGuarded = false;
const guard = (): void => {
  if (isGuarded) return;
  isGuarded = true;
  process.on('exit', disposeAllNow);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      disposeAllNow();
      process.kill(process.pid, signal);
    });
  }
};

/** A network of namespaces with what runs in it. */
export class Lab implements AsyncDisposable {
  /** Directory for logs, keys, state and sockets of this laboratory; it goes with it. */
  readonly dir: string;
  readonly #name: string;
  readonly #processes = new Processes();
  readonly #publicAddress: Record<ClientBox, number> = { c1: 0, c2: 0 };
  #logs = 0;

  private constructor() {
    this.#name = `${PREFIX}${process.pid}-${serial++}-`;
    this.dir = mkdtempSync(join(tmpdir(), `anygate-lab-${process.pid}-`));
  }

  /** Builds the network of `topology.ts`. */
  static async create(): Promise<Lab> {
    sweep();
    guard();
    const lab = new Lab();
    living.add(lab);
    try {
      await lab.#build();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  async #build(): Promise<void> {
    mkdirSync(namespaceDirectory, { recursive: true });
    const nameOf = (box: Box): string => this.namespace(box);
    await succeed(['ip', '-batch', '-'], { input: BOXES.map((box) => `netns add ${nameOf(box)}\n`).join('') });
    await Promise.all(
      BOXES.map((box) => {
        const forwarding = ROUTERS.includes(box) ? 1 : 0;
        return this.run(box, [
          'sysctl',
          '-qw',
          'net.ipv6.conf.all.accept_ra=0',
          'net.ipv6.conf.default.accept_dad=0',
          `net.ipv6.conf.all.forwarding=${forwarding}`,
          `net.ipv4.ip_forward=${forwarding}`,
          // Tests provoke many ICMP errors from one place in a short time.
          ...(box === 'gw' ? [] : ['net.ipv4.icmp_ratelimit=0']),
        ]);
      }),
    );
    await succeed(['ip', '-batch', '-'], { input: `${linkCommands(nameOf).join('\n')}\n` });
    for (const box of BOXES) {
      await succeed(['ip', '-n', nameOf(box), '-batch', '-'], { input: `${boxCommands(box).join('\n')}\n` });
    }
    for (const router of ['n1', 'n2'] as const) {
      await this.run(router, ['nft', '-f', '-'], { input: masqueradeScript() });
    }
  }

  /** The name by which `ip netns` knows `box`. */
  namespace(box: Box): string {
    return this.#name + box;
  }

  /** Prefixes `argv` so that it runs in `box`. The process replaces `ip`: its pid is the pid that was started. */
  argv(box: Box, argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.namespace(box), ...argv];
  }

  /** Runs a command in `box` to its end, whatever that is. */
  exec(box: Box, argv: readonly string[], options?: CommandOptions): Promise<Outcome> {
    return execute(this.argv(box, argv), options);
  }

  /** Runs a command in `box` that must succeed; returns what it printed. */
  run(box: Box, argv: readonly string[], options?: CommandOptions): Promise<string> {
    return succeed(this.argv(box, argv), options);
  }

  /** Starts a process in `box` that ends with the laboratory. `log` names its log within {@link dir}. */
  spawn(box: Box, argv: readonly string[], options: { log?: string } & ProcessOptions = {}): RunningProcess {
    const log = join(this.dir, options.log ?? `${box}-${this.#logs++}.log`);
    return this.#processes.start(this.argv(box, argv), log, options);
  }

  /** Whether `count` echo requests from `box` to `address` are all answered. */
  async ping(
    box: Box,
    address: string,
    options: { count?: number; size?: number; args?: string[] } = {},
  ): Promise<boolean> {
    const { count = 2, size = 56, args = [] } = options;
    const argv = ['ping', '-n', '-q', '-i', '0.05', '-W', '2', '-c', `${count}`, '-s', `${size}`, ...args, address];
    const { stdout } = await this.exec(box, argv);
    return stdout.includes(` ${count} received`);
  }

  /** Waits until something in `box` listens on `port`. */
  async listening(box: Box, protocol: 'tcp' | 'udp', port: number): Promise<void> {
    await eventually(`${box} listens on ${protocol} ${port}`, async () => {
      const out = await this.run(box, ['ss', '-Hln', protocol === 'tcp' ? '-t' : '-u', `sport = ${port}`]);
      return out.trim() !== '';
    });
  }

  /** Starts a UDP and TCP echo server in `box`; it puts `ADDRESS PORT\n` of the sender, as it sees it, before each echo. */
  async startEcho(box: Box, port: number, address = '0.0.0.0'): Promise<RunningProcess> {
    const script = join(import.meta.dirname, 'echo-server.ts');
    const server = this.spawn(box, [process.execPath, script, address, `${port}`], { log: `echo-${box}-${port}.log` });
    await this.listening(box, 'udp', port);
    await this.listening(box, 'tcp', port);
    return server;
  }

  /** Starts to capture on `device` of `box` what matches the tcpdump `filter`, and waits until it does. */
  async capture(box: Box, device: string, filter = ''): Promise<Capture> {
    const name = `capture-${this.#logs++}.pcap`;
    const file = join(this.dir, name);
    return await Capture.start(this.spawn(box, Capture.argv(device, file, filter), { log: `${name}.log` }), file);
  }

  /** Starts a real client in `box`; its tunnel is up and routed when this resolves, though no datagram was sent. */
  startClient(options: ClientOptions): Promise<TunnelClient> {
    return TunnelClient.start(this, options);
  }

  /**
   * Starts the gateway in `gw` with `yaml`, waiting until it is ready. `files` are written beside the configuration, readable for
   * the owner only; paths within `yaml` may be relative to it.
   */
  startGateway(
    yaml: string,
    options: { files?: Readonly<Record<string, string>>; http?: string } = {},
  ): Promise<RunningGateway> {
    return RunningGateway.start(this, yaml, options);
  }

  /**
   * Makes the Internet see `client` come from elsewhere: from another address (`address`) or another port of the same one (`port`),
   * by the doing of its router, unknown to the client.
   */
  async moveClient(client: ClientBox, change: 'address' | 'port' = 'address'): Promise<void> {
    const router = routerOf(client);
    const old = this.#publicAddress[client];
    if (change === 'port') {
      const low = 20_000 + 1000 * Math.floor(Math.random() * 40);
      await this.run(router, ['nft', '-f', '-'], { input: masqueradeScript(`${low}-${low + 999}`) });
      await this.run(router, ['conntrack', '-F']);
      return;
    }
    const now = ++this.#publicAddress[client];
    await succeed(['ip', '-n', this.namespace(router), '-batch', '-'], {
      input: [
        `addr del ${publicAddress(client, old)}/28 dev isp`, // First: a primary address takes its secondaries along.
        `addr add ${publicAddress(client, now)}/28 dev isp`,
        `addr add ${publicAddress6(client, now)}/64 dev isp nodad`,
        `addr del ${publicAddress6(client, old)}/64 dev isp`,
        // The default routes have gone with the old addresses.
        `route replace default via ${client === 'c1' ? '192.0.2.17' : '192.0.2.33'}`,
        `route replace ::/0 via 2001:db8:0:${client === 'c1' ? 2 : 3}::1`,
        '',
      ].join('\n'),
    });
    await this.run(router, ['conntrack', '-F']);
  }

  /** The public address that `client`'s router masquerades with at present. */
  publicAddress(client: ClientBox): string {
    return publicAddress(client, this.#publicAddress[client]);
  }

  /** Ends every process, removes every namespace and file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes.stopAll();
    this.disposeNow();
  }

  /** The same without waiting, for the end of the process. */
  disposeNow(): void {
    if (!living.delete(this)) return;
    this.#processes.killAll();
    deleteNamespaces(BOXES.map((box) => this.namespace(box)));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
