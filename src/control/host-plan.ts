// What has to change on a host so that packets of the pool pass between its routing and the TUN device: a list of steps, each with its
// way back, made from the configuration and the host as found. What is already as it must be is no step, so a container whose settings
// were made from outside needs no more rights than it uses.
//
// The device is opened by the gateway and goes with it, and so do its routes and settings. rp_filter needs no change in the modes
// routed and masquerade: the route to the pool leads back to the device, which satisfies even the strict check.

import { GatewayError } from '../base/errors.ts';
import { contains, formatIp4, formatPrefix4, type Ip4, type Prefix4, sizeOf } from '../wire/addr.ts';
import type { HostFacts } from './host-facts.ts';
import { localRule, planSteering, steeringRule, steeringScript } from './host-steering.ts';
import type { CommandStep, HostStep, SettingStep } from './host-steps.ts';
import { formatRange, refuseClashes, reservePorts } from './port-reservation.ts';
import type { PortRange } from './port-set.ts';

/** What the operator wants. */
export interface HostPlanInput {
  readonly egress: 'routed' | 'shared' | 'masquerade';
  readonly device: { readonly name: string; readonly mtu: number };
  /** Prefixes that do not overlap. */
  readonly pool: readonly Prefix4[];
  readonly ports: PortRange;
}

/** Steps in the order to take them, and what the operator should know though it stops nothing. */
export interface HostPlan {
  readonly steps: readonly HostStep[];
  readonly warnings: readonly string[];
}

const refuse = (message: string): never => {
  throw new GatewayError('ERR_HOST_SETUP', message);
};

/** The nft table of the gateway whose device is `device`. */
export const nftTableOf = (device: string): string => `anygate_${device.replaceAll(/[^A-Za-z0-9_]/g, '_')}`;

const command = (describe: string, run: readonly string[], undo: readonly string[]): CommandStep => ({
  kind: 'command',
  describe,
  do: run,
  undo,
});

const setting = (facts: HostFacts, name: string, value: string): SettingStep[] => {
  const previous = facts.setting(name);
  if (previous === undefined || previous === value) return [];
  return [
    { kind: 'setting', describe: `set ${name.replaceAll('/', '.')} to ${value}`, setting: name, value, previous },
  ];
};

/** No router solicitations from a device that carries IPv4 only; then up. */
const deviceSteps = (input: HostPlanInput, facts: HostFacts): HostStep[] => {
  const { name, mtu } = input.device;
  const link = ['ip', 'link', 'set', 'dev', name, 'mtu'];
  return [
    ...setting(facts, `net/ipv6/conf/${name}/disable_ipv6`, '1'),
    command(`bring ${name} up`, [...link, `${mtu}`, 'up'], [...link, `${facts.deviceMtu}`, 'down']),
  ];
};

const routeSteps = (input: HostPlanInput, table?: number): HostStep[] =>
  input.pool.map((prefix) => {
    const route = [formatPrefix4(prefix), 'dev', input.device.name, ...(table ? ['table', `${table}`] : [])];
    return command(
      `route ${formatPrefix4(prefix)} to ${input.device.name}`,
      ['ip', 'route', 'add', ...route],
      ['ip', 'route', 'del', ...route],
    );
  });

/** Turning forwarding off again turns it off everywhere, also where it had been on by itself. */
const forwardingSteps = (facts: HostFacts): HostStep[] => {
  const steps = setting(facts, 'net/ipv4/ip_forward', '1');
  if (steps.length === 0) return [];
  const repairs = facts.forwarding.map(
    (device): SettingStep => ({
      kind: 'setting',
      describe: `keep forwarding on ${device}`,
      setting: `net/ipv4/conf/${device}/forwarding`,
      value: '0',
      previous: '1',
      isRepair: true,
    }),
  );
  return [...repairs, ...steps];
};

/** Adding the table before deleting it makes both the replacement and the removal succeed whether it is there or not. */
const nftStep = (describe: string, table: string, script: string): HostStep => {
  const absent = `add table ip ${table}; delete table ip ${table}`;
  return command(describe, ['nft', `${absent}; ${script}`], ['nft', absent]);
};

const nftPool = (pool: readonly Prefix4[]): string =>
  `{ ${pool.map((p) => (p.length === 32 ? formatIp4(p.address) : formatPrefix4(p))).join(', ')} }`;

const masqueradeStep = ({ device, pool }: HostPlanInput): HostStep => {
  const table = nftTableOf(device.name);
  const rule = `ip saddr ${nftPool(pool)} oifname != "${device.name}" masquerade`;
  const script = `table ip ${table} {\nchain postrouting {\ntype nat hook postrouting priority srcnat; policy accept;\n${rule}\n}\n}`;
  return nftStep(`masquerade the pool (nft table ${table})`, table, script);
};

const sharedSteps = (input: HostPlanInput, facts: HostFacts): HostPlan => {
  const { device, pool, ports } = input;
  refuseClashes(ports, pool, facts.boundSockets);
  const steering = planSteering(facts.rules);
  const table = nftTableOf(device.name);
  const { mark, moveLocalTo } = steering;
  const script = steeringScript({
    table,
    device: device.name,
    pool: nftPool(pool),
    ports: formatRange(ports),
    mark,
    nft: facts.nft,
  });
  const rule = steeringRule(steering, facts.freeTable);
  const moveLocal = (to: number): HostStep[] => [
    {
      ...command(
        'add the rule for local addresses',
        ['ip', 'rule', 'add', ...localRule(to)],
        ['ip', 'rule', 'del', ...localRule(to)],
      ),
      isGuard: true,
    },
  ];
  return {
    steps: [
      ...setting(facts, `net/ipv4/conf/${device.name}/src_valid_mark`, '1'),
      ...reservePorts(ports, facts),
      nftStep(`mark the packets of the reserved ports (nft table ${table})`, table, script),
      ...routeSteps(input, facts.freeTable),
      ...(moveLocalTo === undefined ? [] : moveLocal(moveLocalTo)),
      command('add the rule for marked packets', ['ip', 'rule', 'add', ...rule], ['ip', 'rule', 'del', ...rule]),
      ...(moveLocalTo === undefined
        ? []
        : [
            command(
              'remove the first rule for local addresses',
              ['ip', 'rule', 'del', ...localRule(0)],
              ['ip', 'rule', 'add', ...localRule(0)],
            ),
          ]),
    ],
    warnings: [
      ...(facts.nft.tproxy ? [] : ['nft has no tproxy here: fragments of inbound packets are lost']),
      ...(facts.nft.socket
        ? []
        : ['nft has no socket expression here: connections the host has on relay.ports are cut']),
    ],
  };
};

const egressSteps = (input: HostPlanInput, facts: HostFacts): HostPlan => {
  switch (input.egress) {
    case 'routed':
      return { steps: routeSteps(input), warnings: [] };
    case 'masquerade':
      return { steps: [masqueradeStep(input), ...routeSteps(input)], warnings: [] };
    case 'shared':
      return sharedSteps(input, facts);
  }
};

/** Refuses a pool that is not where `egress` needs it. @throws {GatewayError} ERR_HOST_SETUP */
export const checkPool = (
  { egress, pool }: Pick<HostPlanInput, 'egress' | 'pool'>,
  addresses: readonly Ip4[],
): void => {
  const own = (prefix: Prefix4): number => addresses.filter((address) => contains(prefix, address)).length;
  for (const prefix of pool) {
    const text = formatPrefix4(prefix);
    if (egress === 'shared' && own(prefix) < sizeOf(prefix)) {
      refuse(
        `with egress: shared every address of relay.pool must be this host's own, and ${text} is not; correct relay.pool, add the address to a device, or use egress: routed`,
      );
    }
    if (egress !== 'shared' && own(prefix) > 0) {
      refuse(
        `with egress: ${egress} no address of relay.pool may be this host's own, and ${text} is; correct relay.pool, or use egress: shared`,
      );
    }
  }
};

/** Plans the changes for `input` on a host as found. @throws {GatewayError} ERR_HOST_SETUP if that cannot work */
export const planHost = (input: HostPlanInput, facts: HostFacts): HostPlan => {
  if (!/^[\w.@:+-]{1,15}$/.test(input.device.name)) refuse(`relay.device.name: ${input.device.name} is no device name`);
  checkPool(input, facts.addresses);
  const { steps, warnings } = egressSteps(input, facts);
  return { steps: [...deviceSteps(input, facts), ...steps, ...forwardingSteps(facts)], warnings };
};
