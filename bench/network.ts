// The network that each contestant has for itself: three namespaces in a row. Load comes from the client or from the third party,
// and ends in a counter of the other one's packet filter, which costs next to nothing and counts a super-packet by its octets.
//
//   client ── 192.0.2.0/29 ── gateway ── 203.0.113.0/24 ── third party
//
// Small datagrams pass the counters, so that sockets at both ends can talk through the gateway even while the filters are there.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { isAbandoned, onEnd } from './cleanup.ts';

/** A namespace of the network. */
export type Box = 'client' | 'gateway' | 'third';
const BOXES: readonly Box[] = ['client', 'gateway', 'third'];

export const ADDRESS = {
  client: '192.0.2.2',
  gateway: '192.0.2.1',
  third: '203.0.113.10',
  innerGateway: '10.99.0.1',
  /** Of the first client; the others follow. */
  innerClient: '10.99.0.2',
  /** Routed to the gateway. */
  pool: '198.51.100.10',
} as const;

export const PORT = { satp: 4444, client: 4445, third: 9 } as const;

/** Octets of a UDP datagram with its header up to which it is not counted and not dropped. */
const UNCOUNTED = 80;
const UNCOUNTED_INNER = 32;

/** What a counter has seen. */
export interface Count {
  readonly packets: number;
  readonly octets: number;
}

const directory = '/run/netns';
const PREFIX = 'agbench';
let serial = 0;

const command = (argv: readonly string[], input?: string): string => {
  const { status, stdout, stderr, error } = spawnSync(argv[0]!, argv.slice(1), { encoding: 'utf8', input });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${(error?.message ?? stderr).trim()}`);
  return stdout;
};

/** Ends what runs in the namespaces and removes them. */
const remove = (names: readonly string[]): void => {
  for (const name of names) {
    for (const pid of pidsIn(name)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    spawnSync('ip', ['netns', 'del', name]);
  }
};

const pidsIn = (namespace: string): number[] =>
  (spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout ?? '')
    .split('\n')
    .filter(Boolean)
    .map(Number);

/** Three namespaces; whatever ends the process, they go. */
export class Network implements Disposable {
  readonly #name = `${PREFIX}${process.pid}-${serial++}-`;

  readonly #forget: () => void = onEnd(() => this.#remove());

  constructor() {
    mkdirSync(directory, { recursive: true });
    remove(readdirSync(directory).filter((name) => isAbandoned(name, PREFIX)));
    try {
      this.#build();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The name by which `ip netns` knows `box`. */
  namespace(box: Box): string {
    return this.#name + box;
  }

  /** The file that stands for the namespace of `box`. */
  path(box: Box): string {
    return `${directory}/${this.namespace(box)}`;
  }

  /** Prefixes `argv` so that it runs in `box` on processor `cpu`; the pid that was started is then its own. */
  argv(box: Box, cpu: number, argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.namespace(box), 'taskset', '-c', `${cpu}`, ...argv];
  }

  /** Runs a command in `box` that must succeed; returns what it printed. */
  run(box: Box, argv: readonly string[], input?: string): string {
    return command(['ip', 'netns', 'exec', this.namespace(box), ...argv], input);
  }

  /** Runs lines of `ip` in `box`. */
  ip(box: Box, lines: readonly string[]): void {
    command(['ip', '-n', this.namespace(box), '-batch', '-'], `${lines.join('\n')}\n`);
  }

  hasDevice(box: Box, device: string): boolean {
    return spawnSync('ip', ['-n', this.namespace(box), 'link', 'show', device]).status === 0;
  }

  /** Processes that run in `box`. */
  pids(box: Box): number[] {
    return pidsIn(this.namespace(box));
  }

  /** What has arrived at one end of the gateway. */
  count(box: 'client' | 'third'): Count {
    const text = this.run(box, ['nft', 'list', 'counter', 'ip', 'bench', 'arrived']);
    const [, packets, octets] = /packets (\d+) bytes (\d+)/.exec(text) ?? [];
    return { packets: Number(packets), octets: Number(octets) };
  }

  /** Lets everything through to sockets, or again only what is small. */
  listen(isListening: boolean): void {
    for (const box of ['client', 'third'] as const) {
      const rule =
        box === 'client'
          ? `udp sport ${PORT.satp} udp length > ${UNCOUNTED}`
          : `udp dport ${PORT.third} udp length > ${UNCOUNTED_INNER}`;
      const lines = isListening ? [] : [`add rule ip bench arrivals ${rule} counter name arrived drop`];
      this.run(box, ['nft', '-f', '-'], ['flush chain ip bench arrivals', ...lines, ''].join('\n'));
    }
  }

  [Symbol.dispose](): void {
    this.#forget();
    this.#remove();
  }

  #remove(): void {
    remove(BOXES.map((box) => this.namespace(box)));
  }

  #build(): void {
    const of = (box: Box): string => this.namespace(box);
    command(
      ['ip', '-batch', '-'],
      [
        ...BOXES.map((box) => `netns add ${of(box)}`),
        `link add gateway netns ${of('client')} type veth peer name client netns ${of('gateway')}`,
        `link add third netns ${of('gateway')} type veth peer name gateway netns ${of('third')}`,
        '',
      ].join('\n'),
    );
    for (const box of BOXES) this.run(box, ['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1']);
    this.ip('client', ['link set lo up', 'link set gateway up', `addr add ${ADDRESS.client}/29 dev gateway`]);
    this.ip('gateway', [
      'link set lo up',
      ...['link set client up', `addr add ${ADDRESS.gateway}/29 dev client`],
      ...['link set third up', 'addr add 203.0.113.1/24 dev third'],
    ]);
    this.ip('third', ['link set lo up', 'link set gateway up', `addr add ${ADDRESS.third}/24 dev gateway`]);
    this.ip('third', ['route add default via 203.0.113.1']);
    for (const box of ['client', 'third'] as const) {
      this.run(
        box,
        ['nft', '-f', '-'],
        `table ip bench {
          counter arrived { }
          chain arrivals { type filter hook prerouting priority raw; }
        }\n`,
      );
    }
    this.listen(false);
  }
}
