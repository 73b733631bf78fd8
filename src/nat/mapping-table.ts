// Mappings: internal endpoint ↔ external endpoint, one per protocol whatever the remote endpoint (RFC 4787 §4.1 REQ-1). The table finds
// them by internal endpoint; by external endpoint the port pool knows them. A mapping lives as long as a session holds it.
//
//   word 0  internal address      word 4  address delta << 16 | transport delta, outbound
//   word 1  external address      word 5  sessions that hold the mapping
//   word 2  internal port << 16 | external port          word 6  sessions in all
//   word 3  (client + 1) << 2 | protocol; 0 if free      word 7  index of the external address in the pool
//   word 8, 9  links of the client's list

import { Protocol } from '../base/protocol.ts';
import type { Random } from '../base/random.ts';
import { type Ip4, ip4, type Port, port } from '../wire/addr.ts';
import { addDeltas, deltaOf16, deltaOf32 } from '../wire/checksum.ts';
import { KeyIndex } from './key-index.ts';
import { NO_ROW, RowAllocator, RowLists } from './row-lists.ts';

const WORDS = 10;
const INTERNAL = 0;
const EXTERNAL = 1;
const PORTS = 2;
const OWNER = 3;
const DELTAS = 4;
const HOLDERS = 5;
const SESSIONS = 6;
const ADDRESS_INDEX = 7;
const NEXT = 8;
const PREV = 9;

/** The mappings of all clients. */
export class MappingTable {
  readonly #words: Int32Array;
  readonly #rows: RowAllocator;
  readonly #index: KeyIndex;
  /** The mappings of each client, oldest first. */
  readonly ofClient: RowLists;
  /** How many mappings exist, indexed by {@link Protocol}. */
  readonly counts: Int32Array = new Int32Array(3);

  constructor(capacity: number, clients: number, random: Random) {
    this.#words = new Int32Array(capacity * WORDS);
    this.#rows = new RowAllocator(this.#words, WORDS, NEXT, capacity);
    this.#index = new KeyIndex(capacity, random);
    this.ofClient = new RowLists(this.#words, WORDS, NEXT, PREV, clients);
  }

  /** Whether another mapping fits. */
  get hasRoom(): boolean {
    return this.#rows.hasRoom;
  }

  /** Every row in use is below this. */
  get highWater(): number {
    return this.#rows.highWater;
  }

  /** The mapping of an internal endpoint, or `NO_ROW`. */
  find(protocol: Protocol, internal: Ip4, internalPort: Port): number {
    return this.#index.find(internal | 0, 0, internalPort, protocol);
  }

  /** Adds a mapping that does not exist, without sessions; `NO_ROW` if the table is full. */
  open(
    client: number,
    protocol: Protocol,
    internal: Ip4,
    internalPort: Port,
    external: Ip4,
    externalPort: Port,
    addressIndex: number,
  ): number {
    const row = this.#rows.take();
    if (row === NO_ROW) return NO_ROW;
    const w = this.#words;
    const at = row * WORDS;
    const address = deltaOf32(internal, external);
    const endpointPort = deltaOf16(internalPort, externalPort);
    // ICMP has no pseudo-header: its checksum does not see addresses.
    const transport = protocol === Protocol.icmp ? endpointPort : addDeltas(address, endpointPort);
    w[at + INTERNAL] = internal;
    w[at + EXTERNAL] = external;
    w[at + PORTS] = (internalPort << 16) | externalPort;
    w[at + OWNER] = ((client + 1) << 2) | protocol;
    w[at + DELTAS] = (address << 16) | transport;
    w[at + HOLDERS] = 0;
    w[at + SESSIONS] = 0;
    w[at + ADDRESS_INDEX] = addressIndex;
    this.#index.insert(internal | 0, 0, internalPort, protocol, row);
    this.ofClient.append(client, row);
    this.counts[protocol]!++;
    return row;
  }

  /** Removes `row`, which must have no sessions left; it rests until {@link settle}. */
  close(row: number): void {
    const protocol = this.protocol(row);
    this.#index.remove(this.#words[row * WORDS + INTERNAL]!, 0, this.internalPort(row), protocol);
    this.ofClient.remove(this.client(row), row);
    this.#words[row * WORDS + OWNER] = 0;
    this.#rows.release(row);
    this.counts[protocol]!--;
  }

  /** Ends a batch: closed rows may be used again. */
  settle(): void {
    this.#rows.settle();
  }

  /** Whether `row` is a mapping. */
  isOpen(row: number): boolean {
    return this.#words[row * WORDS + OWNER] !== 0;
  }

  internalAddress(row: number): Ip4 {
    return ip4(this.#words[row * WORDS + INTERNAL]!);
  }

  externalAddress(row: number): Ip4 {
    return ip4(this.#words[row * WORDS + EXTERNAL]!);
  }

  internalPort(row: number): Port {
    return port(this.#words[row * WORDS + PORTS]! >>> 16);
  }

  externalPort(row: number): Port {
    return port(this.#words[row * WORDS + PORTS]!);
  }

  /** Internal port in the high half, external port in the low. */
  ports(row: number): number {
    return this.#words[row * WORDS + PORTS]!;
  }

  client(row: number): number {
    return (this.#words[row * WORDS + OWNER]! >> 2) - 1;
  }

  protocol(row: number): Protocol {
    return (this.#words[row * WORDS + OWNER]! & 3) as Protocol;
  }

  /** Address delta in the high half, transport delta in the low; both from internal to external. */
  deltas(row: number): number {
    return this.#words[row * WORDS + DELTAS]!;
  }

  /** Index of the external address in the port pool. */
  addressIndex(row: number): number {
    return this.#words[row * WORDS + ADDRESS_INDEX]!;
  }

  /** Notes that the pool, and with it the index of the external address, changed. */
  moveAddressIndex(row: number, to: number): void {
    this.#words[row * WORDS + ADDRESS_INDEX] = to;
  }

  /** How many sessions the mapping has. */
  sessions(row: number): number {
    return this.#words[row * WORDS + SESSIONS]!;
  }

  addSessions(row: number, n: number): void {
    this.#words[row * WORDS + SESSIONS]! += n;
  }

  /** Adds `n` to the sessions that hold the mapping and returns how many do. */
  addHolders(row: number, n: number): number {
    this.#words[row * WORDS + HOLDERS]! += n;
    return this.#words[row * WORDS + HOLDERS]!;
  }
}
