// Who is measured: this gateway, and the two daemons whose wire format it speaks, each with the kernel's own forwarding and nft
// masquerading behind it, which is how such a relay is built without this gateway. All run with what they do by default; the daemons'
// default is to have no replay window, which spares them that work.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { formatIp4 } from '../src/wire/addr.ts';
import { eventually, type Processes, type RunningProcess } from '../test/netns/processes.ts';
import { innerAddress } from './load/inner-packet.ts';
import { FIRST_MUX, secretsOf } from './load/keys.ts';
import { ADDRESS, type Network, PORT } from './network.ts';

/** Where and for whom a contestant is started. */
export interface Setting {
  readonly network: Network;
  readonly processes: Processes;
  /** For its files; exists. */
  readonly dir: string;
  /** The processor it is confined to. */
  readonly cpu: number;
  /** How many clients it serves. */
  readonly clients: number;
  /** For the gateway's own Node. */
  readonly nodeOptions: string;
}

/** A gateway that can be measured. */
export interface Contestant {
  readonly name: string;
  readonly label: string;
  /** Commands without which it cannot run. */
  readonly commands: readonly string[];
  /** The address that third parties must see. */
  readonly external: string;
  /** Starts it; it relays when this resolves. */
  start(setting: Setting): Promise<RunningProcess>;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const LAUNCHER = join(import.meta.dirname, '../bin/anygate');

const anygateConfig = ({ dir, clients }: Setting): string => {
  const entries = Array.from({ length: clients }, (_, n) => {
    const mux = FIRST_MUX + n;
    const { key, salt } = secretsOf(mux);
    const address = formatIp4(innerAddress(n));
    return `  - { name: c${n}, mux: ${mux}, key: ${hex(key)}, salt: ${hex(salt)}, addresses: [${address}/32] }`;
  });
  return `node: { name: bench, stateDir: ${join(dir, 'state')} }
satp: { listen: ["${ADDRESS.gateway}:${PORT.satp}"] }
clients:
${entries.join('\n')}
relay:
  address: ${ADDRESS.innerGateway}
  device: { name: anygate0, mtu: 1400 }
  pool: [${ADDRESS.pool}]
policy: { allowReserved: true }
http: { listen: "unix:${join(dir, 'http.sock')}" }
log: { level: warn }
workers: 1
`;
};

const isReady = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path: '/readyz' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });

const ready = (daemon: RunningProcess, check: () => boolean | Promise<boolean>): Promise<void> =>
  eventually(
    () => `${daemon.name} relays: ${readFileSync(daemon.log, 'utf8')}`,
    () => {
      if (!daemon.isRunning) throw new Error(`${daemon.name} ended: ${readFileSync(daemon.log, 'utf8')}`);
      return check();
    },
    15_000,
  );

const anygate: Contestant = {
  name: 'anygate',
  label: 'Anygate',
  commands: [],
  external: ADDRESS.pool,
  async start(setting) {
    const { network, processes, dir, cpu, nodeOptions } = setting;
    const config = join(dir, 'anygate.yaml');
    mkdirSync(join(dir, 'state'), { recursive: true, mode: 0o700 });
    writeFileSync(config, anygateConfig(setting), { mode: 0o600 });
    const argv = network.argv('gateway', cpu, [LAUNCHER, 'serve', '--config', config]);
    const daemon = processes.start(argv, join(dir, 'anygate.log'), { env: { NODE_OPTIONS: nodeOptions } });
    await ready(daemon, () => isReady(join(dir, 'http.sock')));
    return daemon;
  },
};

const masqueraded = (name: 'uanytun' | 'anytun'): Contestant => ({
  name,
  label: `${name} + nft masquerade`,
  commands: [name],
  external: '203.0.113.1',
  async start({ network, processes, dir, cpu, clients }) {
    if (clients !== 1) throw new Error(`${name} serves one client a process`);
    const { key, salt } = secretsOf(FIRST_MUX);
    const argv = network.argv('gateway', cpu, [
      ...[name, '-D', '-L', 'stdout:1', '-i', ADDRESS.gateway, '-p', `${PORT.satp}`, '-t', 'tun', '-d', 'sat0'],
      ...['-e', 'left', '-m', `${FIRST_MUX}`, '-K', hex(key), '-A', hex(salt)],
    ]);
    const daemon = processes.start(argv, join(dir, `${name}.log`));
    await ready(daemon, () => network.hasDevice('gateway', 'sat0'));
    network.ip('gateway', [`addr add ${ADDRESS.innerGateway}/24 dev sat0`, 'link set sat0 mtu 1400 up']);
    network.run('gateway', ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    network.run(
      'gateway',
      ['nft', '-f', '-'],
      `table ip relay {
        chain post {
          type nat hook postrouting priority srcnat;
          oifname "third" masquerade
        }
      }\n`,
    );
    return daemon;
  },
});

/** Everybody who can be measured. */
export const contestants: readonly Contestant[] = [anygate, masqueraded('uanytun'), masqueraded('anytun')];
