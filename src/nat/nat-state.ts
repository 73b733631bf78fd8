// What both directions share: the tables, and the rules by which sessions and mappings come and go. A mapping exists as long as a
// session holds it, which only the client's own packets bring about (RFC 4787 §4.3 REQ-6); with the last holder it goes, and with
// it what strangers opened. Nothing is ever evicted to make room (RFC 6888 REQ-11d).

import { invariant } from '../base/assert.ts';
import { AllocationFailure, Cell, type Counters } from '../base/counters.ts';
import { DropReason } from '../base/drop-reason.ts';
import { Direction, Protocol } from '../base/protocol.ts';
import type { Random } from '../base/random.ts';
import type { Instant } from '../base/time.ts';
import { type Ip4, port } from '../wire/addr.ts';
import { AddressFilter } from './address-filter.ts';
import { ClientTable } from './client-table.ts';
import { Expiry, TIMEOUT_CLASSES, TimeoutClass, timeoutClassOf } from './expiry.ts';
import { MappingTable } from './mapping-table.ts';
import type { PacketColumns } from './packet-columns.ts';
import type { NatPolicy } from './policy.ts';
import { NO_ADDRESS, PortPool } from './port-pool.ts';
import { NO_PORT } from './port-slice.ts';
import { NO_ROW } from './row-lists.ts';
import { SessionTable } from './session-table.ts';
import { isRefreshedBy, next, TcpState } from './tcp-state.ts';

const PROTOCOLS = 3;

/** Sessions that strangers may open at a client, unanswered, as a part of its quota: a flood of SYNs takes no more than this. */
const UNANSWERED_SHARE = 1 / 4;

/** The same at all clients together, as a part of the table: what strangers send at many clients leaves room for the clients' own. */
const UNANSWERED_SHARE_OF_TABLE = 1 / 8;

const usesAddressFilter = (p: NatPolicy): boolean =>
  p.filtering[Protocol.udp] === 'address-dependent' || p.filtering[Protocol.tcp] === 'address-dependent';

/** Tables and policy of one NAT. */
export class NatState {
  policy: NatPolicy;
  readonly mappings: MappingTable;
  readonly sessions: SessionTable;
  readonly expiry: Expiry;
  readonly clients: ClientTable;
  ports: PortPool;
  readonly counters: Counters;
  readonly #random: Random;
  #filter: AddressFilter | undefined;
  /** The sum of the clients' unanswered sessions. */
  #unanswered = 0;
  /** Why the last attempt to open something came to nothing. */
  refusal: DropReason = DropReason.natTableFull;

  constructor(policy: NatPolicy, random: Random, counters: Counters) {
    const { clients, mappings, sessions } = policy.capacity;
    invariant(policy.pool.length > 0 && policy.ports.low <= policy.ports.high, 'the pool has an external endpoint');
    this.policy = policy;
    this.counters = counters;
    this.#random = random;
    this.mappings = new MappingTable(mappings, clients, random);
    this.sessions = new SessionTable(sessions, mappings, TIMEOUT_CLASSES, this.mappings, random);
    this.expiry = new Expiry(this.sessions, policy.timeouts);
    this.clients = new ClientTable(clients, policy.pool.length, policy.quota);
    this.ports = new PortPool(policy.pool, policy.ports, policy.timeouts.portHoldDown, random);
    this.#filter = usesAddressFilter(policy) ? new AddressFilter(sessions, random) : undefined;
  }

  /**
   * Whether filtering lets a remote endpoint that `mapping` has no session with send to it (RFC 4787 §5 REQ-8). Queries have no remote
   * port: for ICMP a lack of session is a lack of the address.
   */
  mayEnter(mapping: number, protocol: Protocol, remote: Ip4): boolean {
    const behavior = this.policy.filtering[protocol];
    if (behavior === 'endpoint-independent') return true;
    if (behavior === 'address-and-port-dependent') return false;
    return this.#filter?.has(mapping, protocol, remote) ?? false;
  }

  /** Opens the session that the client's packet in slot `i` asks for, and its mapping if need be; `NO_ROW` with a {@link refusal} if it may not. */
  openOutbound(c: PacketColumns, i: number, client: number, now: Instant): number {
    const { quota } = this.policy;
    const protocol = c.protocol[i]! as Protocol;
    if (!this.clients.newSessions.has(client, now)) {
      return this.#refuse(DropReason.natQuotaRate, AllocationFailure.quotaRate);
    }
    if (this.clients.sessions[client]! >= quota.sessions) {
      return this.#refuse(DropReason.natQuotaSessions, AllocationFailure.quotaSessions);
    }
    if (!this.sessions.hasRoom) return this.#refuse(DropReason.natTableFull, AllocationFailure.tableFull);
    let mapping = this.mappings.find(protocol, c.localAddress(i), c.localPort(i));
    if (mapping === NO_ROW) mapping = this.#openMapping(c, i, client);
    if (mapping === NO_ROW) return NO_ROW;
    if (this.mappings.client(mapping) !== client) {
      this.refusal = DropReason.innerSourceSpoofed;
      return NO_ROW;
    }
    this.clients.newSessions.take(client, now);
    const row = this.#openSession(mapping, c, i);
    this.sessions.setHolds(row);
    this.mappings.addHolders(mapping, 1);
    this.sessions.setTcpState(row, TcpState.outboundSyn);
    this.expiry.enlist(row, initialClass(protocol), now);
    return row;
  }

  /** Opens the session that a remote endpoint's SYN in slot `i` asks for; it does not hold `mapping` until the client answers. */
  openInbound(mapping: number, c: PacketColumns, i: number, now: Instant): number {
    const client = this.mappings.client(mapping);
    const { sessions } = this.policy.quota;
    if (this.clients.sessions[client]! >= sessions || this.clients.unanswered[client]! >= sessions * UNANSWERED_SHARE) {
      return this.#refuse(DropReason.natQuotaSessions, AllocationFailure.quotaSessions);
    }
    if (!this.sessions.hasRoom || this.#unanswered >= this.policy.capacity.sessions * UNANSWERED_SHARE_OF_TABLE) {
      return this.#refuse(DropReason.natTableFull, AllocationFailure.tableFull);
    }
    const row = this.#openSession(mapping, c, i);
    this.#countUnanswered(client, 1);
    this.sessions.setTcpState(row, TcpState.inboundSyn);
    this.expiry.enlist(row, TimeoutClass.tcpOpening, now);
    return row;
  }

  /** Takes a TCP segment into account (RFC 7857 §2). */
  advance(row: number, flags: number, direction: Direction, now: Instant): void {
    const before = this.sessions.tcpState(row);
    const state = next(before, flags, direction);
    if (state === before) {
      if (isRefreshedBy(state, flags)) this.expiry.refresh(row, timeoutClassOf(state), now);
      return;
    }
    this.sessions.setTcpState(row, state);
    this.expiry.refresh(row, timeoutClassOf(state), now);
    if (direction === Direction.outbound && !this.sessions.holds(row)) {
      this.sessions.setHolds(row);
      this.mappings.addHolders(this.sessions.mapping(row), 1);
      this.#countUnanswered(this.sessions.client(row), -1);
    }
  }

  /** Closes what is idle and frees ports whose rest is over, at most `budget` rows; returns when to call again. */
  expire(now: Instant, budget: number): Instant {
    let closed = 0;
    for (; closed < budget; closed++) {
      const row = this.expiry.firstExpired(now);
      if (row === NO_ROW) break;
      this.#closeSession(row, now);
    }
    closed += this.ports.expire(now, budget - closed);
    this.settle();
    if (closed >= budget) return now;
    const idle = this.expiry.nextExpiry();
    const rest = this.ports.nextExpiry();
    return idle < rest ? idle : rest;
  }

  /** Closes a mapping with all its sessions; its external port is held down. */
  closeMapping(mapping: number, now: Instant): void {
    // Closing the last session that holds the mapping comes back here for the rest.
    while (this.mappings.isOpen(mapping)) {
      const row = this.sessions.ofMapping.first(mapping);
      if (row !== NO_ROW) {
        this.#closeSession(row, now);
        continue;
      }
      const client = this.mappings.client(mapping);
      const protocol = this.mappings.protocol(mapping);
      this.ports.release(this.mappings.addressIndex(mapping), protocol, this.mappings.externalPort(mapping), now);
      this.clients.ports[client]!--;
      this.mappings.close(mapping);
    }
  }

  /** Ends a batch: rows closed in it may be used again, and the gauges are brought up to date. */
  settle(): void {
    this.sessions.settle();
    this.mappings.settle();
    const { counters } = this;
    for (let p = 0; p < PROTOCOLS; p++) {
      counters[Cell.natSessions + p] = this.sessions.counts[p]!;
      counters[Cell.natMappings + p] = this.mappings.counts[p]!;
      counters[Cell.natPortsCapacity + p] = this.ports.capacity;
      counters[Cell.natPortsUsed + p] = this.ports.used[p]!;
      counters[Cell.natPortsHeldDown + p] = this.ports.held[p]!;
    }
  }

  /** Builds the address filter anew from the sessions that exist, as `policy` needs it. */
  refilter(): void {
    const filter = usesAddressFilter(this.policy)
      ? new AddressFilter(this.policy.capacity.sessions, this.#random)
      : undefined;
    this.#filter = filter;
    if (filter === undefined) return;
    for (let row = 0; row < this.sessions.highWater; row++) {
      if (!this.sessions.isOpen(row)) continue;
      filter.add(this.sessions.mapping(row), this.sessions.protocol(row), this.sessions.remoteAddress(row));
    }
  }

  #openMapping(c: PacketColumns, i: number, client: number): number {
    const protocol = c.protocol[i]! as Protocol;
    const internalPort = c.localPort(i);
    if (this.clients.ports[client]! >= this.policy.quota.ports) {
      return this.#refuse(DropReason.natQuotaPorts, AllocationFailure.quotaPorts);
    }
    if (!this.mappings.hasRoom) return this.#refuse(DropReason.natTableFull, AllocationFailure.tableFull);
    const index = this.clients.pair(client);
    const taken = this.ports.take(index, protocol, internalPort);
    if (taken === NO_PORT) return this.#refuse(DropReason.natPortsExhausted, AllocationFailure.portsExhausted);
    const external = this.ports.addressAt(index);
    const row = this.mappings.open(client, protocol, c.localAddress(i), internalPort, external, port(taken), index);
    this.ports.assign(index, protocol, taken, row);
    this.clients.ports[client]!++;
    return row;
  }

  #openSession(mapping: number, c: PacketColumns, i: number): number {
    const protocol = this.mappings.protocol(mapping);
    const remote = c.remoteAddress(i);
    const row = this.sessions.open(mapping, remote, c.remotePort(i), this.ports.indexOf(remote) !== NO_ADDRESS);
    this.clients.sessions[this.mappings.client(mapping)]!++;
    this.#filter?.add(mapping, protocol, remote);
    this.counters[Cell.natSessionsCreated + protocol]!++;
    return row;
  }

  #closeSession(row: number, now: Instant): void {
    const mapping = this.sessions.mapping(row);
    const client = this.sessions.client(row);
    const wasHolding = this.sessions.holds(row);
    this.#filter?.remove(mapping, this.sessions.protocol(row), this.sessions.remoteAddress(row));
    this.expiry.delist(row);
    this.sessions.close(row);
    this.clients.sessions[client]!--;
    if (!wasHolding) this.#countUnanswered(client, -1);
    else if (this.mappings.addHolders(mapping, -1) === 0) this.closeMapping(mapping, now);
  }

  #countUnanswered(client: number, change: number): void {
    this.clients.unanswered[client]! += change;
    this.#unanswered += change;
  }

  #refuse(reason: DropReason, failure: AllocationFailure): number {
    this.counters[Cell.natAllocationFailures + failure]!++;
    this.refusal = reason;
    return NO_ROW;
  }
}

const initialClass = (protocol: Protocol): TimeoutClass =>
  protocol === Protocol.udp
    ? TimeoutClass.udp
    : protocol === Protocol.icmp
      ? TimeoutClass.icmp
      : TimeoutClass.tcpOpening;
