// Everything a shard is told by the control thread, resolved to numbers: plain data that crosses the thread border.

import type { NatPolicy } from '../nat/policy.ts';
import type { AssociationSpec } from '../satp/association-spec.ts';
import type { Ip4, Prefix4 } from '../wire/addr.ts';

/** A client: its association and what it may send from. */
export interface ClientSpec {
  readonly association: AssociationSpec;
  /** Inner prefixes that are the client's: allowed sources. */
  readonly prefixes: readonly Prefix4[];
}

/** What may change while the shard lives. */
export interface ShardSettings {
  readonly clients: readonly ClientSpec[];
  /** Sender id of associations that this set of settings creates. Never used before with any key (architecture: no keystream twice). */
  readonly senderId: number;
  /** Entries of a replay window; 0 turns it off. A multiple of 32. */
  readonly replayWindow: number;
  readonly nat: NatPolicy;
  readonly policy: {
    readonly allowReserved: boolean;
    /** The host's own addresses, which no client may reach; pool addresses are not among them. */
    readonly hostAddresses: readonly Ip4[];
  };
}
