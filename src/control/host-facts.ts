// What a host looks like before it is set up: everything the plan depends on, read once, so that the plan itself is a pure function.

import { readdirSync, readFileSync } from 'node:fs';
import { GatewayError } from '../base/errors.ts';
import { type Ip4, parseIp4 } from '../wire/addr.ts';
import { type BoundSocket, parseBoundSockets } from './bound-sockets.ts';
import { CommandFailure, type HostSystem } from './host-system.ts';

/** A routing policy rule (ip-rule(8)). */
export interface PolicyRule {
  readonly priority: number;
  readonly table: string;
  /** Whether it applies to every packet. */
  readonly isUnconditional: boolean;
  /** It looks at `markMask` of the packet mark, 0 if at nothing, and applies, or not, where these bits are `mark`. */
  readonly mark: number;
  readonly markMask: number;
}

/** A host as found. */
export interface HostFacts {
  /** Of the relay's device, which exists. */
  readonly deviceMtu: number;
  /** IPv4 addresses of all other devices. */
  readonly addresses: readonly Ip4[];
  /** In the order of their priority. */
  readonly rules: readonly PolicyRule[];
  /** A routing table that holds nothing. */
  readonly freeTable: number;
  readonly boundSockets: readonly BoundSocket[];
  /** Values under `/proc/sys` that the plan asks for, by name. */
  readonly setting: (name: string) => string | undefined;
  readonly isWritable: (name: string) => boolean;
  /** Devices, and `default`, with an IPv4 forwarding setting of their own that is on. */
  readonly forwarding: readonly string[];
  /** Whether nft knows the expression. */
  readonly nft: { readonly socket: boolean; readonly tproxy: boolean };
}

interface RuleJson {
  readonly priority?: number;
  readonly src?: string;
  readonly table?: string;
  readonly fwmark?: string;
  readonly fwmask?: string;
}

const UNCONDITIONAL = new Set(['priority', 'src', 'table', 'protocol']);

/** Parses the output of `ip -j rule`. */
export const parseRules = (json: string): PolicyRule[] =>
  (JSON.parse(json || '[]') as RuleJson[]).map((rule) => ({
    priority: rule.priority ?? 0,
    table: rule.table ?? '',
    isUnconditional: rule.src === 'all' && Object.keys(rule).every((key) => UNCONDITIONAL.has(key)),
    mark: Number(rule.fwmark ?? 0),
    markMask: rule.fwmark === undefined ? 0 : Number(rule.fwmask ?? 0xffffffff),
  }));

interface AddressJson {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly addr_info?: readonly { readonly family?: string; readonly local?: string }[];
}

/** Every IPv4 address of a device other than `except`, and the MTU of that one, from the output of `ip -j addr`. */
export const parseAddresses = (json: string, except: string): { addresses: Ip4[]; mtu: number | undefined } => {
  const devices = JSON.parse(json) as AddressJson[];
  const addresses = devices
    .filter((device) => device.ifname !== except)
    .flatMap((device) => device.addr_info ?? [])
    .filter((info) => info.family === 'inet')
    .map((info) => parseIp4(info.local ?? ''))
    .filter((address) => address !== undefined);
  return { addresses, mtu: devices.find((device) => device.ifname === except)?.mtu };
};

const FIRST_TABLE = 44_440;
const TABLES = 32;

const findFreeTable = async (system: HostSystem, rules: readonly PolicyRule[]): Promise<number> => {
  for (let table = FIRST_TABLE; table < FIRST_TABLE + TABLES; table++) {
    if (rules.some((rule) => rule.table === `${table}`)) continue;
    const routes = await system.run(['ip', 'route', 'show', 'table', `${table}`]).catch((error: unknown) => {
      if (error instanceof CommandFailure && error.stderr.includes('does not exist')) return '';
      throw error;
    });
    if (routes.trim() === '') return table;
  }
  throw new GatewayError(
    'ERR_HOST_SETUP',
    `the routing tables ${FIRST_TABLE} to ${FIRST_TABLE + TABLES - 1} are all in use; empty one (ip route flush table ${FIRST_TABLE})`,
  );
};

/** Whether nft accepts `rule` in a chain at prerouting. */
const isKnown = async (system: HostSystem, rule: string): Promise<boolean> => {
  const script = `table ip anygate_probe { chain c { type filter hook prerouting priority mangle; ${rule}; }; }`;
  return await system.run(['nft', '-c', script]).then(
    () => true,
    () => false,
  );
};

/** Reads all sockets that wait for packets. */
export const readBoundSockets = (): BoundSocket[] =>
  (['tcp', 'udp'] as const).flatMap((protocol) =>
    [protocol, `${protocol}6`].flatMap((file) => {
      try {
        return parseBoundSockets(protocol, readFileSync(`/proc/self/net/${file}`, 'utf8'));
      } catch {
        return []; // A kernel without IPv6 has no tcp6.
      }
    }),
  );

const CONF = 'net/ipv4/conf';

const readForwarding = (system: HostSystem): string[] => {
  const names = readdirSync(`/proc/sys/${CONF}`).filter((name) => name !== 'all');
  return names.filter((name) => system.read(`${CONF}/${name}/forwarding`) === '1');
};

/** Reads what {@link HostFacts} holds about this host. @throws {CommandFailure} @throws {GatewayError} ERR_HOST_SETUP */
export const readHostFacts = async (system: HostSystem, device: string): Promise<HostFacts> => {
  const { addresses, mtu } = parseAddresses(await system.run(['ip', '-j', 'addr']), device);
  if (mtu === undefined) {
    throw new GatewayError('ERR_HOST_SETUP', `there is no device ${device}; it must be open before the host is set up`);
  }
  const rules = parseRules(await system.run(['ip', '-j', 'rule']));
  return {
    deviceMtu: mtu,
    addresses,
    rules,
    freeTable: await findFreeTable(system, rules),
    boundSockets: readBoundSockets(),
    setting: (name) => system.read(name),
    isWritable: (name) => system.isWritable(name),
    forwarding: readForwarding(system),
    nft: {
      socket: await isKnown(system, 'socket wildcard 0 accept'),
      tproxy: await isKnown(system, 'ip daddr 0.0.0.0 udp dport 1 tproxy to :1'),
    },
  };
};
