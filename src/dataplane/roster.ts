// Who is whose client: keeps associations, allowed sources and NAT in step with the settings. A client keeps its row, and with it its
// sessions, for as long as its mux and either its name or its keys stay; what it must not keep (what it had at an address that is no
// longer its own) is closed.

import { invariant } from '../base/assert.ts';
import type { Instant } from '../base/time.ts';
import type { Nat44 } from '../nat/nat44.ts';
import { type AssociationSpec, isSameAssociation } from '../satp/association-spec.ts';
import type { Satp } from '../satp/satp.ts';
import type { ClientSpec } from './settings.ts';
import type { SourceTable } from './source-table.ts';

interface Entry {
  readonly row: number;
  readonly spec: ClientSpec;
}

const isSameClient = (a: AssociationSpec, b: AssociationSpec): boolean => a.name === b.name || isSameAssociation(a, b);

/** The clients of one shard. For the control path: nothing here is called while packets wait. */
export class Roster {
  readonly #satp: Satp;
  readonly #sources: SourceTable;
  readonly #nat: Nat44;
  /** By mux. */
  #entries = new Map<number, Entry>();
  /** Sender ids of earlier settings: what began under one of them again would repeat a keystream. */
  readonly #spent = new Set<number>();
  #highWater = 0;

  constructor(satp: Satp, sources: SourceTable, nat: Nat44) {
    this.#satp = satp;
    this.#sources = sources;
    this.#nat = nat;
  }

  /** Every client's row is below this. */
  get highWater(): number {
    return this.#highWater;
  }

  /** Makes the clients exactly `specs`; new associations, and those whose keys changed, seal with `senderId`. */
  apply(specs: readonly ClientSpec[], senderId: number, now: Instant): void {
    const wanted = new Map(specs.map((spec) => [spec.association.mux, spec]));
    for (const [mux, { row, spec }] of this.#entries) {
      const next = wanted.get(mux);
      if (next !== undefined && isSameClient(spec.association, next.association)) continue;
      this.#nat.closeClient(row, now);
      this.#satp.remove(row);
      this.#entries.delete(mux);
    }
    for (const [mux, spec] of wanted) {
      const entry = this.#entries.get(mux);
      const row = entry === undefined ? this.#add(spec, senderId, now) : this.#update(entry, spec, senderId, now);
      this.#entries.set(mux, { row, spec });
    }
    this.#spent.add(senderId);
    this.#sources.rebuild(new Map([...this.#entries.values()].map(({ row, spec }) => [row, spec.prefixes])));
  }

  /** A client's row is its mux, so that it is the same in every shard and in every run. */
  #add(spec: ClientSpec, senderId: number, now: Instant): number {
    const row = spec.association.mux;
    this.#refuseSpent(senderId);
    this.#satp.add(row, spec.association, senderId, now);
    this.#highWater = Math.max(this.#highWater, row + 1);
    return row;
  }

  #update({ row, spec }: Entry, next: ClientSpec, senderId: number, now: Instant): number {
    if (isSameAssociation(spec.association, next.association)) {
      this.#satp.amend(row, next.association);
    } else {
      this.#refuseSpent(senderId);
      this.#satp.replace(row, next.association, senderId, now);
    }
    this.#nat.confineClient(row, next.prefixes, now);
    return row;
  }

  #refuseSpent(senderId: number): void {
    invariant(!this.#spent.has(senderId), 'an association begins under a sender id of its own');
  }
}
