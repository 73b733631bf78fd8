// Sessions: a mapping seen with one remote endpoint (RFC 2663 §2.3). One 64-byte row, found from both sides by an index entry each;
// with the indexes a session takes 128 octets. The row repeats what the packets need of the mapping, so that they read nothing else.
//
//   word 0  internal address      word 5  mapping row             word 6  client
//   word 1  external address      word 7  address delta << 16 | transport delta, outbound
//   word 2  remote address        word 8, 9    instant of last use (float64)
//   word 3  internal port << 16 | external port                   word 10, 11  instant of listing (float64)
//   word 4  remote port << 16 | flags                             word 12, 13  links of the expiry list
//                                                                 word 14, 15  links of the mapping's list
//   flags   0-1 protocol, 2-4 TCP state, 5-7 timeout class, 8 open, 9 holds its mapping, 10 hairpin

import type { Protocol } from '../base/protocol.ts';
import type { Random } from '../base/random.ts';
import type { Instant } from '../base/time.ts';
import { type Ip4, ip4, type Port, port } from '../wire/addr.ts';
import { KeyIndex } from './key-index.ts';
import type { MappingTable } from './mapping-table.ts';
import { NO_ROW, RowAllocator, RowLists } from './row-lists.ts';
import type { TcpState } from './tcp-state.ts';

const WORDS = 16;
const TIMES = 8;
const INTERNAL = 0;
const EXTERNAL = 1;
const REMOTE = 2;
const PORTS = 3;
const FLAGS = 4;
const MAPPING = 5;
const CLIENT = 6;
const DELTAS = 7;
const USED = 4;
const LISTED = 5;
const EXPIRY_NEXT = 12;
const EXPIRY_PREV = 13;
const MAPPING_NEXT = 14;
const MAPPING_PREV = 15;

const STATE_SHIFT = 2;
const CLASS_SHIFT = 5;
const OPEN = 0x100;
const HOLDS = 0x200;
const HAIRPIN = 0x400;

/** The sessions of all clients. */
export class SessionTable {
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #rows: RowAllocator;
  readonly #internal: KeyIndex;
  readonly #external: KeyIndex;
  readonly #mappings: MappingTable;
  /** Sessions by timeout class, kept by `Expiry`. */
  readonly expiryLists: RowLists;
  /** The sessions of each mapping. */
  readonly ofMapping: RowLists;
  /** How many sessions exist, indexed by {@link Protocol}. */
  readonly counts: Int32Array = new Int32Array(3);

  constructor(capacity: number, mappingCapacity: number, classes: number, mappings: MappingTable, random: Random) {
    const block = new ArrayBuffer(capacity * WORDS * 4);
    this.#words = new Int32Array(block);
    this.#times = new Float64Array(block);
    this.#rows = new RowAllocator(this.#words, WORDS, EXPIRY_NEXT, capacity);
    this.#internal = new KeyIndex(capacity, random);
    this.#external = new KeyIndex(capacity, random);
    this.#mappings = mappings;
    this.expiryLists = new RowLists(this.#words, WORDS, EXPIRY_NEXT, EXPIRY_PREV, classes);
    this.ofMapping = new RowLists(this.#words, WORDS, MAPPING_NEXT, MAPPING_PREV, mappingCapacity);
  }

  /** Whether another session fits. */
  get hasRoom(): boolean {
    return this.#rows.hasRoom;
  }

  /** Every row in use is below this. */
  get highWater(): number {
    return this.#rows.highWater;
  }

  /** Where the search for an internal key begins; `ports` is internal port << 16 | remote port. */
  internalHome(internal: number, remote: number, ports: number, protocol: number): number {
    return this.#internal.home(internal, remote, ports, protocol);
  }

  /** The session with an internal key, or `NO_ROW`. Words are int32. */
  findInternal(home: number, internal: number, remote: number, ports: number, protocol: number): number {
    return this.#internal.findFrom(home, internal, remote, ports, protocol);
  }

  /** Where the search for an external key begins; `ports` is external port << 16 | remote port. */
  externalHome(external: number, remote: number, ports: number, protocol: number): number {
    return this.#external.home(external, remote, ports, protocol);
  }

  /** The session with an external key, or `NO_ROW`. Words are int32. */
  findExternal(home: number, external: number, remote: number, ports: number, protocol: number): number {
    return this.#external.findFrom(home, external, remote, ports, protocol);
  }

  /** Adds the session of `mapping` with a remote endpoint that it has none with; on no expiry list; `NO_ROW` if the table is full. */
  open(mapping: number, remote: Ip4, remotePort: Port, isHairpin: boolean): number {
    const row = this.#rows.take();
    if (row === NO_ROW) return NO_ROW;
    const w = this.#words;
    const m = this.#mappings;
    const at = row * WORDS;
    const protocol = m.protocol(mapping);
    w[at + INTERNAL] = m.internalAddress(mapping);
    w[at + EXTERNAL] = m.externalAddress(mapping);
    w[at + REMOTE] = remote;
    w[at + PORTS] = m.ports(mapping);
    w[at + FLAGS] = (remotePort << 16) | protocol | OPEN | (isHairpin ? HAIRPIN : 0);
    w[at + MAPPING] = mapping;
    w[at + CLIENT] = m.client(mapping);
    w[at + DELTAS] = m.deltas(mapping);
    this.#internal.insert(w[at + INTERNAL]!, remote | 0, this.#internalPorts(at), protocol, row);
    this.#external.insert(w[at + EXTERNAL]!, remote | 0, this.#externalPorts(at), protocol, row);
    this.ofMapping.append(mapping, row);
    m.addSessions(mapping, 1);
    this.counts[protocol]!++;
    return row;
  }

  /** Removes `row`, which is on no expiry list any more; it rests until {@link settle}. */
  close(row: number): void {
    const w = this.#words;
    const at = row * WORDS;
    const protocol = this.protocol(row);
    this.#internal.remove(w[at + INTERNAL]!, w[at + REMOTE]!, this.#internalPorts(at), protocol);
    this.#external.remove(w[at + EXTERNAL]!, w[at + REMOTE]!, this.#externalPorts(at), protocol);
    this.ofMapping.remove(w[at + MAPPING]!, row);
    this.#mappings.addSessions(w[at + MAPPING]!, -1);
    w[at + FLAGS]! &= ~(OPEN | HOLDS);
    this.#rows.release(row);
    this.counts[protocol]!--;
  }

  /** Ends a batch: closed rows may be used again. */
  settle(): void {
    this.#rows.settle();
  }

  /** Whether `row` is a session. */
  isOpen(row: number): boolean {
    return (this.#words[row * WORDS + FLAGS]! & OPEN) !== 0;
  }

  internalAddress(row: number): Ip4 {
    return ip4(this.#words[row * WORDS + INTERNAL]!);
  }

  externalAddress(row: number): Ip4 {
    return ip4(this.#words[row * WORDS + EXTERNAL]!);
  }

  remoteAddress(row: number): Ip4 {
    return ip4(this.#words[row * WORDS + REMOTE]!);
  }

  internalPort(row: number): Port {
    return port(this.#words[row * WORDS + PORTS]! >>> 16);
  }

  externalPort(row: number): Port {
    return port(this.#words[row * WORDS + PORTS]!);
  }

  remotePort(row: number): Port {
    return port(this.#words[row * WORDS + FLAGS]! >>> 16);
  }

  protocol(row: number): Protocol {
    return (this.#words[row * WORDS + FLAGS]! & 3) as Protocol;
  }

  /** Valid iff the protocol is TCP. */
  tcpState(row: number): TcpState {
    return ((this.#words[row * WORDS + FLAGS]! >>> STATE_SHIFT) & 7) as TcpState;
  }

  setTcpState(row: number, to: TcpState): void {
    const at = row * WORDS + FLAGS;
    this.#words[at] = (this.#words[at]! & ~(7 << STATE_SHIFT)) | (to << STATE_SHIFT);
  }

  /** The timeout class whose expiry list the session is on. */
  timeoutClass(row: number): number {
    return (this.#words[row * WORDS + FLAGS]! >>> CLASS_SHIFT) & 7;
  }

  setTimeoutClass(row: number, to: number): void {
    const at = row * WORDS + FLAGS;
    this.#words[at] = (this.#words[at]! & ~(7 << CLASS_SHIFT)) | (to << CLASS_SHIFT);
  }

  /** Whether the client itself sent in this session, which keeps the mapping alive. */
  holds(row: number): boolean {
    return (this.#words[row * WORDS + FLAGS]! & HOLDS) !== 0;
  }

  setHolds(row: number): void {
    this.#words[row * WORDS + FLAGS]! |= HOLDS;
  }

  /** Whether the remote endpoint is an external endpoint of this NAT. */
  isHairpin(row: number): boolean {
    return (this.#words[row * WORDS + FLAGS]! & HAIRPIN) !== 0;
  }

  setHairpin(row: number, isHairpin: boolean): void {
    const at = row * WORDS + FLAGS;
    this.#words[at] = isHairpin ? this.#words[at]! | HAIRPIN : this.#words[at]! & ~HAIRPIN;
  }

  mapping(row: number): number {
    return this.#words[row * WORDS + MAPPING]!;
  }

  client(row: number): number {
    return this.#words[row * WORDS + CLIENT]!;
  }

  /** Address delta in the high half, transport delta in the low; both from internal to external. */
  deltas(row: number): number {
    return this.#words[row * WORDS + DELTAS]!;
  }

  /** When a packet last put off the session's expiry. */
  usedAt(row: number): Instant {
    return this.#times[row * TIMES + USED]! as Instant;
  }

  setUsedAt(row: number, t: Instant): void {
    this.#times[row * TIMES + USED] = t;
  }

  /** When the session was last put at the end of its expiry list. */
  listedAt(row: number): Instant {
    return this.#times[row * TIMES + LISTED]! as Instant;
  }

  setListedAt(row: number, t: Instant): void {
    this.#times[row * TIMES + LISTED] = t;
  }

  #internalPorts(at: number): number {
    return (this.#words[at + PORTS]! & 0xffff0000) | (this.#words[at + FLAGS]! >>> 16);
  }

  #externalPorts(at: number): number {
    return (this.#words[at + PORTS]! << 16) | (this.#words[at + FLAGS]! >>> 16);
  }
}
