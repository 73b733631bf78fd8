// egress: shared divides the ports of one address between the gateway and the host's own programs. The host must not take a port of the
// gateway for a connection of its own, and no program may wait on one.

import { GatewayError } from '../base/errors.ts';
import { contains, formatIp4, type Prefix4 } from '../wire/addr.ts';
import type { BoundSocket } from './bound-sockets.ts';
import type { PortsStep } from './host-steps.ts';
import { countPorts, formatPortSet, intersect, type PortRange, parsePortSet, subtract } from './port-set.ts';

/** Kernel settings, by their names under /proc/sys. */
export interface Settings {
  readonly setting: (name: string) => string | undefined;
  readonly isWritable: (name: string) => boolean;
}

const RESERVED = 'net/ipv4/ip_local_reserved_ports';
const EPHEMERAL = 'net/ipv4/ip_local_port_range';
/** Implementation: fewer than these would soon leave the host unable to connect anywhere. */
const LEAST_EPHEMERAL = 1000;

const dots = (setting: string): string => setting.replaceAll('/', '.');

/** Formats `range` as `low-high`. */
export const formatRange = ({ low, high }: PortRange): string => `${low}-${high}`;

const refuse = (message: string): never => {
  throw new GatewayError('ERR_HOST_SETUP', message);
};

/** What keeps the host from taking `ports`: a step, or none if they are safe. @throws {GatewayError} ERR_HOST_SETUP */
export const reservePorts = (ports: PortRange, settings: Settings): PortsStep[] => {
  const reserved = parsePortSet(settings.setting(RESERVED) ?? '');
  const added = subtract([ports], reserved);
  const [low = 0, high = 0] = (settings.setting(EPHEMERAL) ?? '').split(/\s+/).map(Number);
  const ephemeral = subtract([{ low, high }], reserved);
  const lost = intersect(added, ephemeral);
  const range = formatRange(ports);
  const hint = `choose other relay.ports or move ${dots(EPHEMERAL)} (now ${low} ${high})`;
  if (lost.length > 0 && countPorts(subtract(ephemeral, lost)) < LEAST_EPHEMERAL) {
    refuse(`relay.ports ${range} would leave the host too few ports for its own connections; ${hint}`);
  }
  if (added.length === 0) return [];
  if (settings.isWritable(RESERVED)) {
    return [{ kind: 'ports', describe: `reserve the ports ${range}`, setting: RESERVED, added: formatPortSet(added) }];
  }
  if (lost.length > 0) {
    refuse(
      `relay.ports ${range} overlaps the ports the host takes for its own connections, and ${dots(RESERVED)} cannot be written here; set it from outside (Docker: --sysctl), or ${hint}`,
    );
  }
  return [];
};

/** Refuses `ports` that a program of the host waits on at an address of `pool`. @throws {GatewayError} ERR_HOST_SETUP */
export const refuseClashes = (ports: PortRange, pool: readonly Prefix4[], sockets: readonly BoundSocket[]): void => {
  const clashes = sockets.filter(
    ({ address, port }) =>
      port >= ports.low && port <= ports.high && (address === 0 || pool.some((prefix) => contains(prefix, address))),
  );
  if (clashes.length === 0) return;
  const names = clashes.map((s) => `${s.protocol} ${s.address === 0 ? '*' : formatIp4(s.address)}:${s.port}`);
  refuse(
    `the host itself waits for packets on ports of relay.ports ${formatRange(ports)}: ${[...new Set(names)].join(', ')}; stop these programs (\`ss -lntup\` names them) or choose other relay.ports`,
  );
};
