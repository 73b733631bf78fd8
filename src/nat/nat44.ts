// The NAT44 of one shard: UDP, TCP and ICMP echo with endpoint-independent mapping and configurable filtering (RFC 4787, 5382, 5508,
// 6888, 7857). Bytes in, verdicts out; time and random numbers are passed in. Tables have a fixed size and live in typed arrays.

import type { PacketBatch } from '../base/batch.ts';
import type { Counters } from '../base/counters.ts';
import type { Random } from '../base/random.ts';
import type { Instant } from '../base/time.ts';
import { contains, type Prefix4 } from '../wire/addr.ts';
import { changePolicy } from './change-policy.ts';
import { IcmpErrors } from './icmp-error.ts';
import { IcmpOrigin } from './icmp-origin.ts';
import { Inbound } from './inbound.ts';
import { NatState } from './nat-state.ts';
import { Outbound } from './outbound.ts';
import type { MappingView, NatPolicy, PoolView, SessionView, ViewPage } from './policy.ts';
import { NO_ROW } from './row-lists.ts';
import { viewMappings, viewPools, viewSessions } from './views.ts';

/** A network address and port translator between clients and the Internet. */
export class Nat44 {
  readonly #state: NatState;
  readonly #random: Random;
  readonly #origin: IcmpOrigin;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;

  /** `random` picks ports and keys the tables against strangers, so it must not be guessable. */
  constructor(policy: NatPolicy, random: Random, counters: Counters) {
    this.#state = new NatState(policy, random, counters);
    this.#random = random;
    const errors = new IcmpErrors(this.#state);
    this.#origin = new IcmpOrigin(policy.gatewayAddress, policy.capacity.clients, counters);
    this.#inbound = new Inbound(this.#state, errors);
    this.#outbound = new Outbound(this.#state, this.#inbound, errors, this.#origin);
    this.#state.settle();
  }

  /**
   * Decides every pending packet whose client is known: a whole IPv4 packet from `at` to `end`, from an address of the client's. It
   * leaves as `external`, as `client` (a hairpin, or an ICMP error back to its sender), or is dropped.
   */
  translateOutbound(b: PacketBatch, now: Instant): void {
    this.#outbound.translate(b, now);
    this.#state.settle();
  }

  /** Decides every pending packet: raw octets from the Internet, which leave as `client` with the client set, or are dropped. */
  translateInbound(b: PacketBatch, now: Instant): void {
    this.#inbound.translate(b, now);
    this.#state.settle();
  }

  /** Closes idle sessions and frees ports whose hold-down is over, at most `budget` rows a call; returns when to call again. */
  expire(now: Instant, budget: number): Instant {
    return this.#state.expire(now, budget);
  }

  /** Closes all that `client` has; called before its number becomes somebody else's. */
  closeClient(client: number, now: Instant): void {
    const { mappings, clients } = this.#state;
    for (let row = mappings.ofClient.first(client); row !== NO_ROW; row = mappings.ofClient.first(client)) {
      this.#state.closeMapping(row, now);
    }
    clients.unpair(client);
    clients.newSessions.reset(client);
    this.#state.settle();
  }

  /** Closes what `client` has at addresses that are in none of `prefixes`, and so are not its own any more. */
  confineClient(client: number, prefixes: readonly Prefix4[], now: Instant): void {
    const { mappings } = this.#state;
    for (let row = mappings.ofClient.first(client); row !== NO_ROW; ) {
      const next = mappings.ofClient.next(row);
      const address = mappings.internalAddress(row);
      if (!prefixes.some((prefix) => contains(prefix, address))) this.#state.closeMapping(row, now);
      row = next;
    }
    this.#state.settle();
  }

  /** Changes the policy; sessions whose external endpoint still exists go on. `policy.capacity` is not looked at. */
  applyPolicy(policy: NatPolicy, now: Instant): void {
    changePolicy(this.#state, policy, this.#random, now);
    this.#origin.adjust(policy.gatewayAddress);
  }

  /** Up to `limit` mappings from row `fromRow` on, which is 0 or the `next` of the page before. Allocates. */
  mappings(limit: number, fromRow = 0): ViewPage<MappingView> {
    return viewMappings(this.#state, limit, fromRow);
  }

  /** Up to `limit` sessions from row `fromRow` on, which is 0 or the `next` of the page before. Allocates. */
  sessions(limit: number, fromRow: number, now: Instant): ViewPage<SessionView> {
    return viewSessions(this.#state, limit, fromRow, now);
  }

  /** Up to `limit` external addresses from index `from` on, which is 0 or the `next` of the page before. Allocates. */
  pools(limit: number, from = 0): ViewPage<PoolView> {
    return viewPools(this.#state, limit, from);
  }
}
