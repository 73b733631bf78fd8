// The headers that recvmmsg and sendmmsg want, one a datagram: a struct mmsghdr that points to a struct iovec, a socket address and
// room for control messages. Everything that never changes is written once, so that a system call costs a few stores a datagram.

import { Arena } from '../base/arena.ts';
import { pin } from './native.ts';
import { Iovec, Mmsghdr, Msghdr, SockaddrIn6, setAddress } from './structs.ts';

/** Octets for the control messages of one datagram: a header and an in6_pktinfo, rounded up to 8. */
export const CONTROL_SIZE = 40;
const NAME_SIZE = 32;

/** Message headers for up to `capacity` datagrams in one pinned arena; offsets below are into {@link arena}. */
export class MessageHeaders {
  readonly arena: Arena;
  readonly #iovecs: number;
  readonly #names: number;
  readonly #controls: number;

  constructor(capacity: number) {
    this.#iovecs = capacity * Mmsghdr.size;
    this.#names = this.#iovecs + capacity * Iovec.size;
    this.#controls = this.#names + capacity * NAME_SIZE;
    this.arena = new Arena(this.#controls + capacity * CONTROL_SIZE);
    pin(this.arena);
    const { view, address } = this.arena;
    for (let i = 0; i < capacity; i++) {
      const header = i * Mmsghdr.size;
      setAddress(view, header + Msghdr.name, address + this.name(i));
      setAddress(view, header + Msghdr.iovecs, address + this.#iovecs + i * Iovec.size);
      setAddress(view, header + Msghdr.iovecCount, 1);
      setAddress(view, header + Msghdr.control, address + this.control(i));
      this.reset(i);
    }
  }

  /** Points header `i` at `length` octets of memory. */
  point(i: number, address: number, length: number): void {
    const iovec = this.#iovecs + i * Iovec.size;
    setAddress(this.arena.view, iovec + Iovec.base, address);
    this.arena.view.setUint32(iovec + Iovec.length, length, true);
  }

  /** Offset of the socket address of datagram `i`. */
  name(i: number): number {
    return this.#names + i * NAME_SIZE;
  }

  /** Offset of the control messages of datagram `i`. */
  control(i: number): number {
    return this.#controls + i * CONTROL_SIZE;
  }

  /** Tells the kernel anew how much room there is; it overwrites these with what it used. */
  reset(i: number): void {
    this.setLengths(i, SockaddrIn6.size, CONTROL_SIZE);
  }

  /** Sets how long the socket address and the control messages of datagram `i` are. */
  setLengths(i: number, name: number, control: number): void {
    const header = i * Mmsghdr.size;
    this.arena.view.setUint32(header + Msghdr.nameLength, name, true);
    this.arena.view.setUint32(header + Msghdr.controlLength, control, true);
  }

  /** Octets of control messages that came with datagram `i`. */
  controlLength(i: number): number {
    return this.arena.view.getUint32(i * Mmsghdr.size + Msghdr.controlLength, true);
  }

  /** `MSG_…` flags of received datagram `i`. */
  flags(i: number): number {
    return this.arena.view.getUint32(i * Mmsghdr.size + Msghdr.flags, true);
  }

  /** Octets of received datagram `i` that were stored. */
  length(i: number): number {
    return this.arena.view.getUint32(i * Mmsghdr.size + Mmsghdr.length, true);
  }

  /** Address of header `i`, for the system call. */
  address(i: number): number {
    return this.arena.address + i * Mmsghdr.size;
  }
}
