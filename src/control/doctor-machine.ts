// Checks of the machine and of this process's rights on it.

import { closeSync, openSync } from 'node:fs';
import { type Check, fail, ok, warn } from './finding.ts';

const OLDEST_NODE = 24;
const TUN = '/dev/net/tun';
const CAP_NET_BIND_SERVICE = 10;
const CAP_NET_ADMIN = 12;
/** Implementation: sockets of shards, HTTP connections, files. */
const FEWEST_DESCRIPTORS = 1024;
/** What the gateway asks for each of its sockets. */
const SOCKET_BUFFER = 4 << 20;

const node: Check = ({ nodeVersion }) =>
  Number.parseInt(nodeVersion, 10) >= OLDEST_NODE
    ? ok(`Node ${nodeVersion}`)
    : fail(`Node ${nodeVersion} is older than ${OLDEST_NODE}`, 'npm install --global node@24');

/** Imported here and not above: where they cannot be loaded, the other checks are wanted all the more. */
const libraries: Check = async () => {
  try {
    await import('../io/native.ts');
    const { OpensslCrypto } = await import('../io/openssl-crypto.ts');
    new OpensslCrypto();
    return ok('the C library and OpenSSL can be called');
  } catch (error) {
    return fail((error as Error).message, 'apt install libssl3 && npm rebuild koffi');
  }
};

const device: Check = () => {
  try {
    closeSync(openSync(TUN, 'r+'));
    return ok(`${TUN} can be opened`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const make = 'modprobe tun; mkdir -p /dev/net; mknod /dev/net/tun c 10 200 (Docker: --device /dev/net/tun)';
    if (code === 'ENOENT') return fail(`${TUN} is missing`, make);
    if (code === 'ENODEV' || code === 'ENXIO') return fail(`the kernel has no driver behind ${TUN}`, 'modprobe tun');
    return fail(`${TUN} cannot be opened (${code})`, `chmod 666 ${TUN} (Docker: --device ${TUN})`);
  }
};

const hasCapability = (status: string, capability: number): boolean => {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${hex}`) >> BigInt(capability)) & 1n) === 1n;
};

const capabilities: Check = ({ readFile, system, config }) => {
  const status = readFile('/proc/self/status') ?? '';
  if (!hasCapability(status, CAP_NET_ADMIN)) {
    return fail(
      'this process lacks CAP_NET_ADMIN, without which there is no device and no route',
      'sudo anygate … (systemd: AmbientCapabilities=CAP_NET_ADMIN, Docker: --cap-add NET_ADMIN)',
    );
  }
  const first = Number(system.read('net/ipv4/ip_unprivileged_port_start') ?? 1024);
  const low = config?.satp.listen.find((listen) => listen.port < first);
  if (low !== undefined && !hasCapability(status, CAP_NET_BIND_SERVICE)) {
    return fail(
      `satp.listen has port ${low.port}, and this process lacks CAP_NET_BIND_SERVICE`,
      `sysctl -w net.ipv4.ip_unprivileged_port_start=${low.port}`,
    );
  }
  return ok('CAP_NET_ADMIN');
};

const descriptors: Check = ({ readFile }) => {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFile('/proc/self/limits') ?? '')?.[1];
  if (soft === undefined || soft === 'unlimited') return ok('as many open files as wanted');
  return Number(soft) >= FEWEST_DESCRIPTORS
    ? ok(`${soft} open files`)
    : warn(`only ${soft} open files are allowed`, `ulimit -n ${FEWEST_DESCRIPTORS} (systemd: LimitNOFILE=)`);
};

const buffers: Check = ({ readFile, system }) => {
  // The maxima bind only who lacks the capability; they are not visible in every network namespace.
  if (hasCapability(readFile('/proc/self/status') ?? '', CAP_NET_ADMIN)) return ok('as large as the gateway asks for');
  const small = ['rmem_max', 'wmem_max'].filter((name) => Number(system.read(`net/core/${name}`)) < SOCKET_BUFFER);
  return small.length === 0
    ? ok('large enough')
    : warn(
        `bursts may be lost: ${small.map((name) => `net.core.${name}`).join(' and ')} are under ${SOCKET_BUFFER}`,
        `sysctl -w ${small.map((name) => `net.core.${name}=${SOCKET_BUFFER}`).join(' ')}`,
      );
};

const clock: Check = async () => {
  const { isClockSynchronized } = await import('../io/clock-sync.ts');
  const isSynchronized = isClockSynchronized();
  if (isSynchronized === undefined) return ok('the kernel does not say here whether the clock is synchronized');
  return isSynchronized
    ? ok('synchronized')
    : warn(
        'the clock is not synchronized, so logs cannot tell who used an address at what time',
        'timedatectl set-ntp true (or: apt install chrony)',
      );
};

/** Checks by name. */
export const machineChecks: Readonly<Record<string, Check>> = {
  node,
  libraries,
  device,
  capabilities,
  'file-descriptors': descriptors,
  'socket-buffers': buffers,
  clock,
};
