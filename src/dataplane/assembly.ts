// The stages of a shard and their tables, made from settings and kept in step with them: the same for a shard in its thread and for one
// in memory.

import type { Counters } from '../base/counters.ts';
import type { Instant } from '../base/time.ts';
import { OpensslCrypto } from '../io/openssl-crypto.ts';
import { SystemRandom } from '../io/random.ts';
import { DestinationPolicy } from '../nat/destination.ts';
import { Nat44 } from '../nat/nat44.ts';
import type { LineStore } from '../satp/line-store.ts';
import { PacketCrypto } from '../satp/packet-crypto.ts';
import { Satp } from '../satp/satp.ts';
import type { Stages } from './pipeline.ts';
import { Roster } from './roster.ts';
import type { ShardSettings } from './settings.ts';
import { SourceTable } from './source-table.ts';

/** The stages under the present settings. */
export class Assembly {
  readonly stages: Stages;
  readonly roster: Roster;

  /** `lines` is what earlier shards remembered. @throws {GatewayError} ERR_LIBRARY */
  constructor(settings: ShardSettings, counters: Counters, lines: LineStore, now: Instant) {
    const { gatewayAddress, capacity } = settings.nat;
    const random = new SystemRandom();
    const crypto = new PacketCrypto(new OpensslCrypto(), capacity.clients);
    const { replayWindow } = settings;
    const satp = new Satp({
      capacity: capacity.clients,
      replayWindow,
      gatewayAddress,
      crypto,
      random,
      counters,
      lines,
    });
    const nat = new Nat44(settings.nat, random, counters);
    const sources = new SourceTable(capacity.clients);
    this.stages = { satp, sources, nat, gatewayAddress, destinations: destinationsOf(settings), counters };
    this.roster = new Roster(satp, sources, nat);
    this.roster.apply(settings.clients, settings.senderId, now);
  }

  /** Takes up changed settings; sessions whose resources still exist go on. For between two batches. */
  apply(settings: ShardSettings, now: Instant): void {
    this.roster.apply(settings.clients, settings.senderId, now);
    this.stages.nat.applyPolicy(settings.nat, now);
    this.stages.destinations = destinationsOf(settings);
  }
}

const destinationsOf = ({ policy, nat }: ShardSettings): DestinationPolicy =>
  new DestinationPolicy(policy.allowReserved, policy.hostAddresses, nat.pool);
