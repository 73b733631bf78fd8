// What the load needs of the C library beyond what the gateway does: to bind a socket to its one destination, and to step into a
// network namespace, so that one process can hold sockets at both ends of the gateway and compare times without a second clock.

import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { Arena } from '../../src/base/arena.ts';
import { errnoName } from '../../src/io/errno.ts';
import * as native from '../../src/io/native.ts';
import { SockaddrIn } from '../../src/io/structs.ts';
import { openUdpSocket } from '../../src/io/udp-socket.ts';
import { parseIp4 } from '../../src/wire/addr.ts';

const libc = koffi.load(null);
const setns: (fd: number, type: number) => number = libc.func('int setns(int, int)');
const connect: (fd: number, address: number, length: number) => number = libc.func('int connect(int, uintptr_t, uint)');

const CLONE_NEWNET = 0x4000_0000;
const FAMILY_INET = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

/** An IPv4 endpoint. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

const demand = (result: number, what: string): void => {
  if (result < 0) throw new Error(`${what}: ${errnoName(native.errno())}`);
};

/** Moves this thread into the network namespace at `path`; sockets that exist stay where they are. */
export const enterNamespace = (path: string): void => {
  const fd = openSync(path, 'r');
  demand(setns(fd, CLONE_NEWNET), `setns to ${path}`);
  closeSync(fd);
};

/** Writes `to` as a socket address. */
export const emitAddress = (view: DataView, at: number, to: Endpoint): void => {
  view.setUint16(at + SockaddrIn.family, FAMILY_INET, true);
  view.setUint16(at + SockaddrIn.port, to.port);
  view.setUint32(at + SockaddrIn.address, parseIp4(to.address)!);
};

/**
 * Opens a socket at `from`, connected to `to` if there is one. With `segment` the kernel cuts what is sent at once into datagrams of
 * so many octets.
 */
export const openLoadSocket = (from: Endpoint, to: Endpoint | undefined, segment = 0): number => {
  const { fd } = openUdpSocket(from);
  const scratch = new Arena(SockaddrIn.size);
  native.pin(scratch);
  if (segment > 0) {
    scratch.view.setInt32(0, segment, true);
    demand(native.setsockopt(fd, SOL_UDP, UDP_SEGMENT, scratch.address, 4), 'setsockopt UDP_SEGMENT');
  }
  if (to !== undefined) {
    scratch.bytes.fill(0);
    emitAddress(scratch.view, 0, to);
    demand(connect(fd, scratch.address, SockaddrIn.size), `connect to ${to.address}`);
  }
  return fd;
};
