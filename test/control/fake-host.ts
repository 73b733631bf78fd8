// A host as a model: enough of `ip` and `nft` to run every step of a plan, to fail or be killed at any of them, and to tell whether
// the host was ever without its table of local addresses.

import type { HostFacts } from '../../src/control/host-facts.ts';
import type { JournalStore } from '../../src/control/host-journal.ts';
import type { HostAccess, HostLog } from '../../src/control/host-setup.ts';
import { CommandFailure, type HostSystem } from '../../src/control/host-system.ts';
import type { Ip4 } from '../../src/wire/addr.ts';

/** What stands for a kill: nothing is tidied up after it. */
export class Killed extends Error {}

export class FakeHost implements HostSystem {
  link = 'mtu 1500 down';
  readonly routes: Set<string> = new Set();
  readonly rules: Set<string> = new Set([
    'pref 0 lookup local protocol kernel',
    'pref 32766 lookup main protocol kernel',
  ]);
  readonly tables: Set<string> = new Set();
  readonly settings: Map<string, string> = new Map([
    ['net/ipv4/ip_forward', '0'],
    ['net/ipv4/conf/eth1/forwarding', '1'],
    ['net/ipv4/conf/eth0/forwarding', '0'],
    ['net/ipv4/conf/anygate0/src_valid_mark', '0'],
    ['net/ipv6/conf/anygate0/disable_ipv6', '0'],
    ['net/ipv4/ip_local_reserved_ports', '8080'],
    ['net/ipv4/ip_local_port_range', '32768\t60999'],
  ]);
  addresses: Ip4[] = [];
  readOnly: Set<string> = new Set();
  /** Changes made so far. */
  changes = 0;
  /** The change, counted from 1, that fails before it has an effect. */
  failAt = 0;
  /** The change at which the process is killed, having had its effect or not. */
  killAt = 0;
  killsAfterEffect = false;
  /** Whether the table of local addresses was ever missing. */
  wasDeaf = false;
  /** Commands that fail whenever they are run. */
  broken: RegExp | undefined;

  /** Everything a step can change, as text. */
  snapshot(): string {
    const sorted = (set: Iterable<unknown>) => JSON.stringify([...set].map(String).toSorted());
    return [this.link, sorted(this.routes), sorted(this.rules), sorted(this.tables), sorted(this.settings)].join('\n');
  }

  async run(argv: readonly string[]): Promise<string> {
    const text = argv.join(' ');
    if (this.broken?.test(text)) throw new CommandFailure(argv, 'Input/output error');
    this.#change(() => this.#effect(argv, text));
    return '';
  }

  read(setting: string): string | undefined {
    return this.settings.get(setting);
  }

  write(setting: string, value: string): void {
    this.#change(() => {
      this.settings.set(setting, value);
      if (setting !== 'net/ipv4/ip_forward') return;
      for (const name of this.settings.keys()) if (name.endsWith('/forwarding')) this.settings.set(name, value);
    });
  }

  get isKilled(): boolean {
    return this.killAt > 0 && this.changes >= this.killAt;
  }

  isWritable(setting: string): boolean {
    return !this.readOnly.has(setting);
  }

  #change(effect: () => void): void {
    this.changes++;
    if (this.changes === this.failAt) throw new CommandFailure(['fake', 'host'], 'Operation not permitted');
    const { isKilled } = this;
    if (!isKilled || (this.changes === this.killAt && this.killsAfterEffect)) effect();
    this.wasDeaf ||= ![...this.rules].some((rule) => rule.includes('lookup local'));
    if (isKilled) throw new Killed();
  }

  #effect(argv: readonly string[], text: string): void {
    const [command, object, verb] = argv;
    const rest = argv.slice(3).join(' ');
    if (command === 'nft') {
      const [, name = ''] = /delete table ip (\S+)/.exec(text) ?? [];
      this.tables.delete(name.replace(/;$/, ''));
      const [, added] = /; table ip (\S+) \{/.exec(text) ?? [];
      if (added !== undefined) this.tables.add(added);
    } else if (object === 'link') {
      this.link = argv.slice(5).join(' ');
    } else if (object === 'route' || object === 'rule') {
      const set = object === 'route' ? this.routes : this.rules;
      const has = set.has(rest);
      if (verb === 'add' && has) throw new CommandFailure(argv, 'RTNETLINK answers: File exists');
      if (verb === 'del' && !has) throw new CommandFailure(argv, 'RTNETLINK answers: No such process');
      if (verb === 'add') set.add(rest);
      else set.delete(rest);
    } else {
      throw new Error(`the model does not know: ${text}`);
    }
  }
}

/** The facts of a model. */
export const factsOf = (host: FakeHost, changes: Partial<HostFacts> = {}): HostFacts => ({
  deviceMtu: 1500,
  addresses: host.addresses,
  rules: [
    { priority: 0, table: 'local', isUnconditional: true, mark: 0, markMask: 0 },
    { priority: 32766, table: 'main', isUnconditional: true, mark: 0, markMask: 0 },
  ],
  freeTable: 44440,
  boundSockets: [],
  setting: (name) => host.read(name),
  isWritable: (name) => host.isWritable(name),
  forwarding: ['eth1'],
  nft: { socket: true, tproxy: true },
  ...changes,
});

/** Set-up's access to a model. */
export const accessTo = (host: FakeHost, changes: Partial<HostFacts> = {}): HostAccess => ({
  system: host,
  readFacts: async () => factsOf(host, changes),
  readWorld: () => 'this boot, this namespace',
});

/** A state directory in memory. */
export class FakeStore implements JournalStore {
  readonly path = '/state';
  readonly files: Map<string, string> = new Map();
  readonly #host: FakeHost | undefined;

  /** A killed process writes no more: not after the kill of `host`. */
  constructor(host?: FakeHost) {
    this.#host = host;
  }

  read(name: string): Uint8Array | undefined {
    const text = this.files.get(name);
    return text === undefined ? undefined : Buffer.from(text);
  }

  write(name: string, content: string): void {
    if (this.#host?.isKilled !== true) this.files.set(name, content);
  }
}

/** A log that keeps its lines. */
export class FakeLog implements HostLog {
  readonly lines: string[] = [];

  debug(): void {}

  info(_fields: object, message: string): void {
    this.lines.push(`info ${message}`);
  }

  warn(fields: object, message: string): void {
    this.lines.push(`warn ${message} ${JSON.stringify(fields)}`);
  }
}
