// The TUN device by way of the package tuntap2, for operators who have installed it (`relay.device.driver: tuntap2`). Only its
// documented properties and its file descriptor are used: packets never pass through its streams, which carry one packet a
// thread-pool job. The kernel names the device, and there is one queue.

import { GatewayError } from '../base/errors.ts';
import { check } from './errno.ts';
import { fcntl } from './native.ts';
import type { Tun } from './tun.ts';

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** A `Tun` of the package, as far as it is used. */
interface Tuntap2Tun {
  readonly name: string;
  mtu: number;
  ipv4: string;
  isUp: boolean;
  release(): void;
  readonly _fd: unknown;
}

/** Loads the package. Tests pass another loader. */
export type Tuntap2Loader = () => Promise<unknown>;

// A string like any other to the compiler, which would else insist on finding the package.
const PACKAGE: string = 'tuntap2';
const load: Tuntap2Loader = () => import(PACKAGE);

/** Opens a device of the package tuntap2 with `mtu`. @throws {GatewayError} ERR_TUN_DRIVER, ERR_TUN_OPEN */
export const openTuntap2 = async (mtu: number, loader: Tuntap2Loader = load): Promise<Tun> => {
  const device = await createDevice(loader);
  const fd = device._fd;
  if (typeof fd !== 'number') {
    device.release();
    throw new GatewayError(
      'ERR_TUN_DRIVER',
      'this version of the package tuntap2 does not show its file descriptor; install 0.9, or remove relay.device.driver',
    );
  }
  device.mtu = mtu;
  const flags = check(fcntl(fd, F_GETFL, 0), 'fcntl F_GETFL', `interface ${device.name}`, 'ERR_TUN_OPEN');
  check(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 'fcntl F_SETFL', `interface ${device.name}`, 'ERR_TUN_OPEN');
  return new Tuntap2Device(device, fd);
};

const createDevice = async (loader: Tuntap2Loader): Promise<Tuntap2Tun> => {
  let Tuntap2: new () => Tuntap2Tun;
  try {
    const module = (await loader()) as { Tun?: unknown; default?: { Tun?: unknown } };
    const found = module.Tun ?? module.default?.Tun;
    if (typeof found !== 'function') throw new Error('it exports no Tun');
    Tuntap2 = found as new () => Tuntap2Tun;
  } catch (cause) {
    throw new GatewayError(
      'ERR_TUN_DRIVER',
      `relay.device.driver is tuntap2, but that package cannot be loaded (${reasonOf(cause)}); install it, or remove the key for the built-in driver`,
      { cause },
    );
  }
  try {
    return new Tuntap2();
  } catch (cause) {
    throw new GatewayError(
      'ERR_TUN_OPEN',
      `tuntap2 cannot open a device (${reasonOf(cause)}); run as root with /dev/net/tun at hand`,
      { cause },
    );
  }
};

// The package throws plain strings, too.
const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

class Tuntap2Device implements Tun {
  readonly queues: readonly number[];
  readonly #device: Tuntap2Tun;

  constructor(device: Tuntap2Tun, fd: number) {
    this.#device = device;
    this.queues = [fd];
  }

  get name(): string {
    return this.#device.name;
  }

  get mtu(): number {
    return this.#device.mtu;
  }

  set mtu(octets: number) {
    this.#device.mtu = octets;
  }

  get ipv4(): string {
    return this.#device.isUp ? (this.#device.ipv4 ?? '') : '';
  }

  set ipv4(cidr: string) {
    this.#device.ipv4 = cidr;
  }

  get isUp(): boolean {
    return this.#device.isUp;
  }

  set isUp(isUp: boolean) {
    this.#device.isUp = isUp;
  }

  release(): void {
    this.#device.release();
  }
}
