// The relay of the file, resolved and checked: its own addresses and pool against each other, against the clients, and against what
// else listens on this host.

import type { Duration } from '../base/time.ts';
import { contains, formatIp4, formatPrefix4, type Ip4, ip4, type Prefix4, parseIp4 } from '../wire/addr.ts';
import * as satp from '../wire/satp.ts';
import type { RelayConfig } from './config.ts';
import { formatDuration, parseDuration } from './durations.ts';
import { formatListenAddress, isWildcard, type ListenAddress } from './listen-address.ts';
import { countAddresses, coverRange, expand, findOverlaps, overlap, parsePoolEntry, unusable } from './pool.ts';
import type { KeyPath, Report } from './problem.ts';
import type { RawRelay } from './raw-config.ts';
import type { ResolvedClient } from './resolve-clients.ts';

/** The most addresses of a pool; the NAT numbers them. */
const LARGEST_POOL = 65_536;
/** IPv4 and UDP headers around a datagram. */
const UNDERLAY_OVERHEAD = 28;
const ETHERNET_MTU = 1500;

/** What of `satp.listen` and `http.listen` a shared pool can collide with. */
export interface Listeners {
  readonly satp: readonly { readonly address: ListenAddress; readonly path: KeyPath }[];
  readonly http?: ListenAddress;
}

// Below what a timeout breaks the RFC that names it.
const MINIMUM: Readonly<Record<keyof RawRelay['timeouts'], readonly [text: string, source: string] | undefined>> = {
  udp: ['2m', 'RFC 4787 REQ-5'],
  tcpEstablished: ['2h4m', 'RFC 5382 REQ-5'],
  tcpTransitory: ['4m', 'RFC 5382 REQ-5'],
  icmp: ['60s', 'RFC 5508 REQ-2'],
  portHoldDown: undefined,
};
const LONGEST_TIMEOUT = parseDuration('30d')!;

const resolveTimeout = (name: keyof RawRelay['timeouts'], text: string, report: Report): Duration => {
  const path = ['relay', 'timeouts', name];
  const value = parseDuration(text);
  const shortest = name === 'portHoldDown' ? 0 : 1000;
  if (value === undefined) report.error(path, 'must be a duration with units, such as 90s, 5m or 2h4m');
  else if (value < shortest || value > LONGEST_TIMEOUT)
    report.error(
      path,
      `must be between ${formatDuration(shortest as Duration)} and ${formatDuration(LONGEST_TIMEOUT)}`,
    );
  else {
    const minimum = MINIMUM[name];
    if (minimum !== undefined && value < parseDuration(minimum[0])!)
      report.warn(
        path,
        `${text} is under the ${minimum[0]} of ${minimum[1]}; applications that are silent for longer lose their session`,
      );
  }
  return value ?? (0 as Duration);
};

const resolvePool = (texts: readonly string[], report: Report): readonly Prefix4[] => {
  const entries: { prefix: Prefix4; path: KeyPath }[] = [];
  if (texts.length === 0) report.error(['relay', 'pool'], 'must not be an empty list, such as [198.51.100.10]');
  for (const [i, text] of texts.entries()) {
    const path = ['relay', 'pool', i];
    const prefixes = parsePoolEntry(text);
    if (typeof prefixes === 'string') report.error(path, prefixes);
    else {
      const what = prefixes.map(unusable).find((w) => w !== undefined);
      if (what !== undefined) report.error(path, `no host can have these addresses (${what})`);
      for (const prefix of prefixes) entries.push({ prefix, path });
    }
  }
  const seen = new Set<string>();
  for (const { first, second } of findOverlaps(entries)) {
    const key = JSON.stringify(second.path);
    if (!seen.has(key))
      report.error(
        second.path,
        `${formatPrefix4(second.prefix)} is in ${formatPrefix4(first.prefix)} already; list each address once`,
      );
    seen.add(key);
  }
  if (entries.some((e) => report.isBroken(e.path))) return [];
  if (countAddresses(entries.map((e) => e.prefix)) > LARGEST_POOL) {
    report.error(['relay', 'pool'], `the pool has more than ${LARGEST_POOL} addresses`);
    return [];
  }
  return merge(entries.map((e) => e.prefix));
};

/** The same addresses as the fewest prefixes. */
const merge = (prefixes: readonly Prefix4[]): readonly Prefix4[] => {
  const addresses = expand(prefixes);
  const merged: Prefix4[] = [];
  let start = 0;
  for (let i = 1; i <= addresses.length; i++) {
    if (i < addresses.length && addresses[i] === addresses[i - 1]! + 1) continue;
    merged.push(...coverRange(addresses[start]!, addresses[i - 1]!));
    start = i;
  }
  return merged;
};

/** Parses `low-high`, both ends included, or one number; reports it if it is neither or leaves the bounds. */
export const parseRange = (
  text: string,
  path: KeyPath,
  lowest: number,
  report: Report,
): { readonly low: number; readonly high: number } => {
  const match = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5}))?\s*$/.exec(text);
  const low = Number(match?.[1]);
  const high = Number(match?.[2] ?? match?.[1]);
  if (match !== null && low >= lowest && low <= high && high <= 65535) return { low, high };
  report.error(path, `must be a range between ${lowest} and 65535, such as 40000-49999`);
  return { low: lowest, high: 65535 };
};

const checkMtu = (mtu: number, clients: readonly ResolvedClient[], report: Report): void => {
  const path = ['relay', 'device', 'mtu'];
  const tag = clients.reduce((longest, c) => Math.max(longest, c.authTagLength), 0);
  const most = satp.MAX_DATAGRAM - satp.PAYLOAD - tag;
  if (mtu > most)
    report.error(
      path,
      `must be ${most} or less: SATP datagrams end at ${satp.MAX_DATAGRAM} octets, of which ${satp.PAYLOAD + tag} are header and auth tag`,
    );
  const underlay = mtu + satp.PAYLOAD + tag + UNDERLAY_OVERHEAD;
  if (underlay > ETHERNET_MTU)
    report.warn(
      path,
      `full packets become datagrams of ${underlay} octets and are fragmented on their way to clients wherever the path carries ${ETHERNET_MTU}; ${mtu - underlay + ETHERNET_MTU} fits`,
    );
};

const checkAddresses = (
  address: Ip4,
  pool: readonly Prefix4[],
  clients: readonly ResolvedClient[],
  report: Report,
): void => {
  const own = formatIp4(address);
  if (pool.some((p) => contains(p, address)))
    report.error(['relay', 'address'], `${own} is in relay.pool; the gateway needs an inner address of its own`);
  for (const client of clients)
    for (const { prefix, path } of client.addresses) {
      if (contains(prefix, address))
        report.error(path, `${formatPrefix4(prefix)} has the gateway’s own address ${own} (relay.address) in it`);
      const shared = pool.find((p) => overlap(p, prefix));
      if (shared !== undefined)
        report.error(
          path,
          `${formatPrefix4(prefix)} overlaps ${formatPrefix4(shared)} of relay.pool; inner and external addresses must differ`,
        );
    }
};

/** With `shared`, what comes in for the port range goes to the clients and no longer to this host’s own sockets. */
const checkShared = (relay: RelayConfig, listeners: Listeners, report: Report): void => {
  const { low, high } = relay.ports;
  const isTaken = (a: ListenAddress): boolean => {
    if (a.family !== 4 || a.port < low || a.port > high) return false;
    const address = parseIp4(a.address);
    return isWildcard(a) || (address !== undefined && relay.pool.some((p) => contains(p, address)));
  };
  for (const { address } of listeners.satp.filter((l) => isTaken(l.address)))
    report.error(
      ['relay', 'ports'],
      `with egress: shared the range must leave out port ${address.port} of satp.listen; such as 40000-59999`,
    );
  if (listeners.http !== undefined && isTaken(listeners.http))
    report.error(
      ['relay', 'ports'],
      `with egress: shared the range must leave out port ${listeners.http.port} of http.listen; such as 40000-59999`,
    );
};

const checkListeners = (relay: RelayConfig, listeners: Listeners, report: Report): void => {
  if (relay.egress === 'shared') checkShared(relay, listeners, report);
  else
    for (const { address, path } of listeners.satp) {
      const own = address.family === 4 ? parseIp4(address.address) : undefined;
      if (own !== undefined && relay.pool.some((p) => contains(p, own)))
        report.warn(
          path,
          `${formatListenAddress(address)} is in relay.pool; an address that is this host’s own needs egress: shared`,
        );
    }
};

const checkQuota = (relay: RelayConfig, clients: number, report: Report): void => {
  const perProtocol = relay.addresses.length * (relay.ports.high - relay.ports.low + 1);
  if (clients * relay.quota.ports > perProtocol)
    report.warn(
      ['relay', 'quota', 'ports'],
      `${clients} clients with ${relay.quota.ports} ports each want ${clients * relay.quota.ports} ports, and the pool has ${perProtocol} a protocol; when it is used up, new sessions are refused`,
    );
  if (relay.quota.ports > relay.ports.high - relay.ports.low + 1)
    report.warn(['relay', 'quota', 'ports'], 'one client may take every port of its external address');
};

/** Resolves `relay` of the file. */
export const resolveRelay = (
  raw: RawRelay,
  clients: readonly ResolvedClient[],
  listeners: Listeners,
  report: Report,
): RelayConfig => {
  const address = parseIp4(raw.address);
  if (address === undefined || unusable({ address, length: 32 }) !== undefined)
    report.error(['relay', 'address'], 'must be an IPv4 address that a host can have, such as 10.99.0.1');
  // The kernel's rule for names; a percent sign makes it number devices.
  if (
    !/^[^\s/:%\0]{1,15}$/.test(raw.device.name) ||
    /^\.{1,2}$/.test(raw.device.name) ||
    raw.device.name === 'all' ||
    raw.device.name === 'default'
  )
    report.error(
      ['relay', 'device', 'name'],
      'must be 1 to 15 characters without blanks, "/", ":" and "%", such as anygate0',
    );
  if (raw.mapping !== 'endpoint-independent')
    report.error(['relay', 'mapping'], `${raw.mapping} comes later; only endpoint-independent is accepted now`);
  const pool = resolvePool(raw.pool, report);
  const { timeouts } = raw;
  const relay: RelayConfig = {
    address: address ?? ip4(0),
    device: raw.device,
    pool,
    addresses: expand(pool),
    ports: parseRange(raw.ports, ['relay', 'ports'], 1, report),
    egress: raw.egress,
    filtering: raw.filtering,
    timeouts: {
      udp: resolveTimeout('udp', timeouts.udp, report),
      tcpEstablished: resolveTimeout('tcpEstablished', timeouts.tcpEstablished, report),
      tcpTransitory: resolveTimeout('tcpTransitory', timeouts.tcpTransitory, report),
      icmp: resolveTimeout('icmp', timeouts.icmp, report),
      portHoldDown: resolveTimeout('portHoldDown', timeouts.portHoldDown, report),
    },
    quota: raw.quota,
  };
  checkMtu(raw.device.mtu, clients, report);
  if (address !== undefined) checkAddresses(address, pool, clients, report);
  checkListeners(relay, listeners, report);
  if (pool.length > 0) checkQuota(relay, clients.length, report);
  return relay;
};
