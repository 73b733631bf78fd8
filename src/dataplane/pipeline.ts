// The packet's path. A batch goes through named stages, each over all packets that are still pending; nothing in here waits,
// allocates, throws or logs.

import type { PacketBatch } from '../base/batch.ts';
import type { Counters } from '../base/counters.ts';
import type { Instant } from '../base/time.ts';
import type { DestinationPolicy } from '../nat/destination.ts';
import type { Nat44 } from '../nat/nat44.ts';
import type { Satp } from '../satp/satp.ts';
import type { Ip4 } from '../wire/addr.ts';
import { checkInner } from './inner-check.ts';
import { answerLocal } from './local.ts';
import type { SourceTable } from './source-table.ts';

/** The stages and their state, in the order in which a packet meets them. */
export interface Stages {
  readonly satp: Satp;
  readonly sources: SourceTable;
  readonly gatewayAddress: Ip4;
  /** Replaced as a whole when the policy changes. */
  destinations: DestinationPolicy;
  readonly nat: Nat44;
  readonly counters: Counters;
}

/** From a client: datagrams in, packets for the TUN device and datagrams for clients out. */
export const relayOutbound = (s: Stages, b: PacketBatch, now: Instant): void => {
  s.satp.open(b, now);
  checkInner(b, s.sources);
  answerLocal(b, s.gatewayAddress, s.counters);
  s.destinations.check(b);
  s.nat.translateOutbound(b, now);
  s.satp.seal(b);
};

/** From the Internet: packets in, datagrams for clients out. */
export const relayInbound = (s: Stages, b: PacketBatch, now: Instant): void => {
  s.nat.translateInbound(b, now);
  s.satp.seal(b);
};
