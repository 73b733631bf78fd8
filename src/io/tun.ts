// The TUN device: packets between the gateway and the host's own IPv4 forwarding. Its property names follow the package tuntap2, so
// that a device of that package (`tuntap2-driver.ts`) can take its place. The control thread opens it and hands each shard the file
// descriptor of a queue; the device lives as long as one of them is open.

import { Arena } from '../base/arena.ts';
import { PACKET_SIZE } from '../base/batch.ts';
import { GatewayError } from '../base/errors.ts';
import { check, Errno, systemError } from './errno.ts';
import * as native from './native.ts';
import { Family, formatAddress } from './socket-address.ts';
import { Ifreq, SockaddrIn } from './structs.ts';

const PATH = '/dev/net/tun';
const O_RDWR_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const TUNSETIFF = 0x400454ca;
const IFF_UP = 1;
const IFF_TUN = 1;
const IFF_MULTI_QUEUE = 0x100;
const IFF_NO_PI = 0x1000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFADDR = 0x8915;
const SIOCSIFADDR = 0x8916;
const SIOCGIFNETMASK = 0x891b;
const SIOCSIFNETMASK = 0x891c;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const NAME_LENGTH = 15;

/** How to open a device. */
export interface TunOptions {
  /** At most 15 characters; a persistent device of that name is taken over. */
  readonly name: string;
  /** Octets of the largest packet. */
  readonly mtu: number;
  /** How many queues: one a shard. */
  readonly queues?: number;
}

/** An open TUN device. */
export interface Tun {
  readonly name: string;
  mtu: number;
  /** The device's address as `a.b.c.d/length`; empty if it has none. */
  ipv4: string;
  isUp: boolean;
  /** File descriptors of the queues, non-blocking, for {@link TunQueue}; they are closed by {@link release}. */
  readonly queues: readonly number[];
  /** Closes all queues, whereupon the device vanishes unless it is persistent. */
  release(): void;
}

/** Opens a TUN device; it is down and has no address. @throws {GatewayError} ERR_TUN_OPEN */
export const openTun = (options: TunOptions): Tun => {
  const { name, mtu, queues: count = 1 } = options;
  if (Buffer.byteLength(name) > NAME_LENGTH || !/^[^\s/%]+$/.test(name)) {
    throw new GatewayError(
      'ERR_TUN_OPEN',
      `"${name}" is no interface name; use 1 to ${NAME_LENGTH} letters and digits`,
    );
  }
  const queues: number[] = [];
  try {
    for (let i = 0; i < count; i++) queues.push(openQueue(name, count > 1));
    const device = new KernelTun(name, queues);
    device.mtu = mtu;
    return device;
  } catch (error) {
    for (const fd of queues) native.close(fd);
    throw error;
  }
};

const openCures: Readonly<Record<number, string>> = {
  [Errno.ENOENT]: 'load the module (`modprobe tun`), or pass the device to the container (`--device /dev/net/tun`)',
  [Errno.ENODEV]: 'load the module (`modprobe tun`)',
  [Errno.EACCES]: `make ${PATH} readable and writable for the user the gateway runs as`,
  [Errno.EPERM]: `allow the device in the container’s or the unit’s policy (DeviceAllow=${PATH} rw)`,
};
const attachCures: Readonly<Record<number, string>> = {
  [Errno.EPERM]:
    'run as root, grant CAP_NET_ADMIN, or make the device for this user (`ip tuntap add … mode tun user …`)',
  [Errno.EBUSY]: 'another process has it open; stop that one, or choose another relay.device.name',
  [Errno.EINVAL]: 'an interface of that name exists and is another kind; choose another relay.device.name',
};

const openQueue = (name: string, isMultiQueue: boolean): number => {
  const fd = native.open(PATH, O_RDWR_NONBLOCK_CLOEXEC);
  if (fd < 0) {
    const number = native.errno();
    throw systemError('ERR_TUN_OPEN', 'open', PATH, number, openCures[number]);
  }
  const request = interfaceRequest(name);
  request.view.setUint16(Ifreq.value, IFF_TUN | IFF_NO_PI | (isMultiQueue ? IFF_MULTI_QUEUE : 0), true);
  if (native.ioctl(fd, TUNSETIFF, request.address) === 0) return fd;
  const number = native.errno();
  native.close(fd);
  throw systemError('ERR_TUN_OPEN', 'ioctl TUNSETIFF', `interface ${name}`, number, attachCures[number]);
};

const shared = new Arena(Ifreq.size);
native.pin(shared);

/** The one interface request of this thread, empty but for the name. */
const interfaceRequest = (name: string): Arena => {
  shared.bytes.fill(0);
  shared.bytes.set(Buffer.from(name), Ifreq.name);
  return shared;
};

/** Asks or tells the kernel something of an interface; `fill` completes the request. The result is valid until the next call. */
const configure = (
  name: string,
  call: string,
  request: number,
  fill: (view: DataView) => void = () => {},
): DataView => {
  const fd = check(native.socket(Family.inet, SOCK_DGRAM_CLOEXEC, 0), 'socket', `interface ${name}`);
  const arena = interfaceRequest(name);
  fill(arena.view);
  const result = native.ioctl(fd, request, arena.address);
  const number = native.errno();
  native.close(fd);
  if (result < 0) throw systemError('ERR_TUN_OPEN', `ioctl ${call}`, `interface ${name}`, number);
  return arena.view;
};

class KernelTun implements Tun {
  readonly name: string;
  readonly queues: readonly number[];
  #isReleased = false;

  constructor(name: string, queues: readonly number[]) {
    this.name = name;
    this.queues = queues;
  }

  get mtu(): number {
    return configure(this.name, 'SIOCGIFMTU', SIOCGIFMTU).getInt32(Ifreq.value, true);
  }

  set mtu(octets: number) {
    if (!(octets >= 68 && octets <= PACKET_SIZE)) {
      throw new GatewayError('ERR_TUN_OPEN', `an MTU of ${octets} is impossible; set 68 to ${PACKET_SIZE}`);
    }
    configure(this.name, 'SIOCSIFMTU', SIOCSIFMTU, (view) => view.setInt32(Ifreq.value, octets, true));
  }

  get isUp(): boolean {
    return (configure(this.name, 'SIOCGIFFLAGS', SIOCGIFFLAGS).getUint16(Ifreq.value, true) & IFF_UP) !== 0;
  }

  set isUp(isUp: boolean) {
    const flags = configure(this.name, 'SIOCGIFFLAGS', SIOCGIFFLAGS).getUint16(Ifreq.value, true);
    const wanted = isUp ? flags | IFF_UP : flags & ~IFF_UP;
    configure(this.name, 'SIOCSIFFLAGS', SIOCSIFFLAGS, (view) => view.setUint16(Ifreq.value, wanted, true));
  }

  get ipv4(): string {
    try {
      const address = this.#address('SIOCGIFADDR', SIOCGIFADDR);
      const mask = this.#address('SIOCGIFNETMASK', SIOCGIFNETMASK);
      return `${formatAddress(Family.inet, [address], 0)}/${32 - Math.log2(2 ** 32 - mask)}`;
    } catch (error) {
      if (error instanceof GatewayError && native.errno() === Errno.EADDRNOTAVAIL) return '';
      throw error;
    }
  }

  set ipv4(cidr: string) {
    const [text = '', lengthText = ''] = cidr.split('/');
    const length = Number(lengthText);
    const at = Ifreq.value + SockaddrIn.address;
    if (!/^\d{1,2}$/.test(lengthText) || length > 32 || native.inetPton(Family.inet, text, shared.address + at) !== 1) {
      throw new GatewayError('ERR_TUN_OPEN', `"${cidr}" is no address with a prefix length, as in 10.99.0.1/24`);
    }
    const address = shared.view.getUint32(at);
    const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
    for (const [call, request, value] of [
      ['SIOCSIFADDR', SIOCSIFADDR, address],
      ['SIOCSIFNETMASK', SIOCSIFNETMASK, mask],
    ] as const) {
      configure(this.name, call, request, (view) => {
        view.setUint16(Ifreq.value, Family.inet, true);
        view.setUint32(at, value);
      });
    }
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const fd of this.queues) native.close(fd);
  }

  #address(call: string, request: number): number {
    return configure(this.name, call, request).getUint32(Ifreq.value + SockaddrIn.address);
  }
}
