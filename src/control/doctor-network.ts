// Checks of the host's network: what the relay needs of it, and what stands in its way.

import * as satp from '../wire/satp.ts';
import { type Check, type Finding, fail, ok, type Patient, warn } from './finding.ts';
import { parseAddresses, readBoundSockets } from './host-facts.ts';
import { checkPool, nftTableOf } from './host-plan.ts';
import type { HostSystem } from './host-system.ts';
import { isWildcard } from './listen-address.ts';
import { refuseClashes, reservePorts } from './port-reservation.ts';

const run = async (system: HostSystem, argv: readonly string[]): Promise<string | undefined> =>
  await system.run(argv).catch(() => undefined);

const commands: Check = async ({ system, config }) => {
  const [ip, nft] = await Promise.all([run(system, ['ip', '-V']), run(system, ['nft', '--version'])]);
  if (ip === undefined) return fail('the command ip is missing', 'apt install iproute2');
  if (nft !== undefined) return ok(`${ip.trim()}; ${nft.trim()}`);
  const needed = config !== undefined && config.relay.egress !== 'routed';
  return (needed ? fail : warn)(
    'the command nft is missing, which egress: shared and masquerade need',
    'apt install nftables',
  );
};

const IP_FORWARD = 'net/ipv4/ip_forward';

const forwarding: Check = ({ system }) => {
  if (system.read(IP_FORWARD) === '1') return ok('net.ipv4.ip_forward is on');
  return system.isWritable(IP_FORWARD)
    ? ok('net.ipv4.ip_forward is off; the gateway turns it on, and off again when it stops')
    : fail(
        'net.ipv4.ip_forward is off and cannot be written here',
        'sysctl -w net.ipv4.ip_forward=1 (Docker: --sysctl net.ipv4.ip_forward=1)',
      );
};

interface RouteJson {
  readonly dev?: string;
}

const uplinks = async (system: HostSystem): Promise<string[]> => {
  const routes = JSON.parse((await run(system, ['ip', '-j', '-4', 'route', 'show', 'default'])) || '[]') as RouteJson[];
  return [...new Set(routes.flatMap((route) => route.dev ?? []))];
};

const STRICT = '1';

/** The gateway's own device passes whatever the setting is; answers that come by another uplink than the route to them do not. */
const reversePath: Check = async ({ system }) => {
  const of = (device: string): string | undefined => system.read(`net/ipv4/conf/${device}/rp_filter`);
  const devices = await uplinks(system);
  const strict = devices.filter((device) => [of('all'), of(device)].toSorted().at(-1) === STRICT);
  if (devices.length < 2 || strict.length === 0)
    return ok(`rp_filter lets pass what comes by ${devices.join(', ') || 'any device'}`);
  return warn(
    `this host has several uplinks, and rp_filter on ${strict.join(', ')} is strict: packets for the pool that come by another one than the route back are lost`,
    `sysctl -w ${strict.map((device) => `net.ipv4.conf.${device}.rp_filter=2`).join(' ')}`,
  );
};

/** The host's addresses without the relay device's, which a running gateway may have given some. */
const ownAddresses = async ({ system, config }: Patient) =>
  parseAddresses(await system.run(['ip', '-j', 'addr']), config?.relay.device.name ?? '').addresses;

const pool: Check = async (patient) => {
  const { config } = patient;
  if (config === undefined) return ok('not known without a configuration');
  checkPool(config.relay, await ownAddresses(patient));
  return ok(`${config.relay.addresses.length} addresses, egress: ${config.relay.egress}`);
};

const ports: Check = ({ system, config }) => {
  if (config === undefined) return ok('not known without a configuration');
  if (config.relay.egress !== 'shared') return ok('the pool’s ports are the gateway’s alone');
  const { ports: range, pool: prefixes } = config.relay;
  refuseClashes(range, prefixes, readBoundSockets());
  const own = config.satp.listen.find(({ port }) => port >= range.low && port <= range.high);
  if (own !== undefined)
    return fail(`satp.listen has port ${own.port}, which is one of relay.ports`, 'choose other relay.ports');
  reservePorts(range, { setting: (name) => system.read(name), isWritable: (name) => system.isWritable(name) });
  return ok(`${range.low}-${range.high} can be reserved`);
};

/** Octets of the IP and UDP headers around a datagram. */
const OUTER = { 4: 28, 6: 48 } as const;

interface LinkJson {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly addr_info?: readonly { readonly local?: string }[];
}

const mtu: Check = async ({ system, config }) => {
  if (config === undefined) return ok('not known without a configuration');
  const { listen } = config.satp;
  const links = JSON.parse(await system.run(['ip', '-j', 'addr'])) as LinkJson[];
  const byDefault = await uplinks(system);
  const isUnderlay = ({ ifname = '', addr_info = [] }: LinkJson): boolean =>
    listen.some((l) =>
      isWildcard(l) ? byDefault.includes(ifname) : addr_info.some(({ local }) => local === l.address),
    );
  const smallest = links.filter(isUnderlay).toSorted((a, b) => (a.mtu ?? 0) - (b.mtu ?? 0))[0];
  if (smallest?.mtu === undefined) return ok('the device towards clients is not known');
  const outer = listen.some(({ family }) => family === 6) ? OUTER[6] : OUTER[4];
  const tag = Math.max(0, ...config.clients.map(({ authTagLength }) => authTagLength));
  const largest = smallest.mtu - outer - satp.PAYLOAD - tag;
  const inner = config.relay.device.mtu;
  return inner <= largest
    ? ok(`inner ${inner}, up to ${largest} fit ${smallest.ifname} (${smallest.mtu})`)
    : warn(
        `inner packets of relay.device.mtu ${inner} do not fit ${smallest.ifname} (${smallest.mtu}) and go in fragments`,
        `set relay.device.mtu, and the clients' device, to ${largest}`,
      );
};

const CONNTRACK = 'net/netfilter/nf_conntrack';
const FULL = 0.8;

/** Connection tracking keeps an entry a client that it needs for nothing, and refuses clients when its table is full. */
const conntrack: Check = async ({ system, config }) => {
  const [count, max] = [`${CONNTRACK}_count`, `${CONNTRACK}_max`].map((name) => Number(system.read(name) ?? 0)) as [
    number,
    number,
  ];
  if (max > 0 && count > max * FULL) {
    return warn(
      `its table is nearly full (${count} of ${max}), and then new flows are lost`,
      `sysctl -w net.netfilter.nf_conntrack_max=${2 * max}`,
    );
  }
  if (count === 0) return ok('nothing is tracked');
  const rules = (await run(system, ['nft', 'list', 'ruleset'])) ?? '';
  const listening = [...new Set((config?.satp.listen ?? [{ port: 4444 }]).map(({ port }) => port))];
  const tracked = listening.filter((port) => !new RegExp(`port .*\\b${port}\\b.* notrack`).test(rules));
  if (tracked.length === 0) return ok('not for the ports in satp.listen');
  const set = tracked.join(', ');
  return warn(
    `this host tracks connections, also those of clients to port ${set}: that costs time, and a full table refuses clients`,
    `nft 'add table inet notrack_anygate; add chain inet notrack_anygate in { type filter hook prerouting priority raw; }; add chain inet notrack_anygate out { type filter hook output priority raw; }; add rule inet notrack_anygate in udp dport { ${set} } notrack; add rule inet notrack_anygate out udp sport { ${set} } notrack'`,
  );
};

interface ChainJson {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

/** A chain of the host that refuses what it does not know, such as Docker's, refuses what the gateway relays. */
const firewall: Check = async ({ system, config }): Promise<Finding> => {
  const text = await run(system, ['nft', '-j', 'list', 'chains']);
  if (text === undefined) return ok('nft cannot be asked');
  const { nftables = [] } = JSON.parse(text) as { nftables?: readonly { readonly chain?: ChainJson }[] };
  const device = config?.relay.device.name ?? 'anygate0';
  for (const { chain } of nftables) {
    if (chain?.hook !== 'forward' || chain.policy !== 'drop' || chain.table === nftTableOf(device)) continue;
    const address = ['nft', 'list', 'chain', chain.family, chain.table, chain.name];
    if ((await run(system, address))?.includes(device)) continue;
    const name = `${chain.family} ${chain.table} ${chain.name}`;
    return warn(
      `the nft chain ${name} drops what it does not know, and it does not know ${device}`,
      `nft 'insert rule ${name} iifname "${device}" accept; insert rule ${name} oifname "${device}" accept'`,
    );
  }
  return ok('no chain refuses what is forwarded');
};

/** Checks by name. */
export const networkChecks: Readonly<Record<string, Check>> = {
  commands,
  forwarding,
  'reverse-path': reversePath,
  pool,
  ports,
  mtu,
  conntrack,
  firewall,
};
