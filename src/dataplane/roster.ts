// Who is whose client: keeps associations, allowed sources and NAT in step with the settings. A client keeps its row, and with it its
// sessions, for as long as its name and mux stay; what it must not keep (an address that is no longer its own) is closed.

import type { Instant } from '../base/time.ts';
import type { Nat44 } from '../nat/nat44.ts';
import { isSameAssociation } from '../satp/association-spec.ts';
import type { Satp } from '../satp/satp.ts';
import type { Prefix4 } from '../wire/addr.ts';
import type { ClientSpec } from './settings.ts';
import type { SourceTable } from './source-table.ts';

interface Entry {
  readonly row: number;
  readonly spec: ClientSpec;
}

const holdsAll = (outer: readonly Prefix4[], inner: readonly Prefix4[]): boolean =>
  inner.every((p) => outer.some((q) => q.address === p.address && q.length === p.length));

/** The clients of one shard. For the control path: nothing here is called while packets wait. */
export class Roster {
  readonly #satp: Satp;
  readonly #sources: SourceTable;
  readonly #nat: Nat44;
  readonly #capacity: number;
  /** By mux. */
  #entries = new Map<number, Entry>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(satp: Satp, sources: SourceTable, nat: Nat44, capacity: number) {
    this.#satp = satp;
    this.#sources = sources;
    this.#nat = nat;
    this.#capacity = capacity;
  }

  /** Every client's row is below this. */
  get highWater(): number {
    return this.#next;
  }

  /** Rows that hold a client, ascending. */
  rows(): number[] {
    return [...this.#entries.values()].map((entry) => entry.row).sort((a, b) => a - b);
  }

  /** Makes the clients exactly `specs`; new associations, and those whose keys changed, seal with `senderId`. */
  apply(specs: readonly ClientSpec[], senderId: number, now: Instant): void {
    const wanted = new Map(specs.map((spec) => [spec.association.mux, spec]));
    for (const [mux, { row, spec }] of this.#entries) {
      const next = wanted.get(mux);
      if (next !== undefined && next.association.name === spec.association.name) continue;
      this.#nat.closeClient(row, now);
      this.#satp.remove(row);
      this.#free.push(row);
      this.#entries.delete(mux);
    }
    for (const [mux, spec] of wanted) {
      const entry = this.#entries.get(mux);
      const row = entry === undefined ? this.#add(spec, senderId) : this.#update(entry, spec, senderId, now);
      this.#entries.set(mux, { row, spec });
    }
    this.#sources.rebuild(new Map([...this.#entries.values()].map(({ row, spec }) => [row, spec.prefixes])));
  }

  #add(spec: ClientSpec, senderId: number): number {
    const row = this.#free.pop() ?? this.#next++;
    // Muxes are uint16, so there cannot be more clients than rows.
    if (row >= this.#capacity) throw new RangeError('more clients than rows');
    this.#satp.add(row, spec.association, senderId);
    return row;
  }

  #update({ row, spec }: Entry, next: ClientSpec, senderId: number, now: Instant): number {
    if (isSameAssociation(spec.association, next.association)) this.#satp.amend(row, next.association);
    else this.#satp.replace(row, next.association, senderId);
    if (!holdsAll(next.prefixes, spec.prefixes)) this.#nat.closeClient(row, now);
    return row;
  }
}
