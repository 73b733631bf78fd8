// Pages of the tables for people. Read between two batches, so a page is small; it allocates, which the packet's path never does.

import { EndpointWord } from '../base/endpoint.ts';
import type { Instant } from '../base/time.ts';
import { type Family, formatRemote } from '../io/socket-address.ts';
import type { AssociationView } from '../satp/satp.ts';
import type { ClientView, Query, TablePage, TableRows } from './messages.ts';
import type { Stages } from './pipeline.ts';
import type { Roster } from './roster.ts';

/** Rows of one page, whatever is asked for. */
const LARGEST_PAGE = 1000;

/** What a page is read from. */
export interface TableSources {
  readonly stages: Stages;
  readonly roster: Roster;
  /** Of the sockets, by index. */
  readonly families: readonly Family[];
}

const showEndpoint = (endpoint: Uint32Array | undefined, families: readonly Family[]): string | null =>
  endpoint === undefined ? null : formatRemote(families[endpoint[EndpointWord.socket]!]!, endpoint, 0);

const showClient = (view: AssociationView, families: readonly Family[], now: Instant): ClientView => ({
  name: view.name,
  mux: view.mux,
  endpoint: showEndpoint(view.endpoint, families),
  proven: view.proven,
  heardSecondsAgo: view.heardAt === undefined ? null : Math.floor((now - view.heardAt) / 1000),
});

/** The part of a table that `query` asks for. */
export const readTable = (
  { stages, roster, families }: TableSources,
  query: Query,
  now: Instant,
): TablePage<TableRows[keyof TableRows]> => {
  const limit = Math.min(query.limit, LARGEST_PAGE);
  const { table, cursor } = query;
  const { nat, satp } = stages;
  const names = new Map<number, string>();
  const page = <Row>(rows: readonly Row[]): TablePage<Row> => ({
    rows,
    names,
    next: rows.length < limit ? null : cursor + limit,
  });
  const named = <Row extends { readonly client: number }>(rows: readonly Row[]): TablePage<Row> => {
    for (const { client } of rows) names.set(client, satp.view(client)?.name ?? '');
    return page(rows);
  };
  switch (table) {
    case 'clients':
      return page(
        roster
          .rows()
          .slice(cursor, cursor + limit)
          .map((row) => showClient(satp.view(row)!, families, now)),
      );
    case 'mappings':
      return named(nat.mappings(limit, cursor));
    case 'sessions':
      return named(nat.sessions(limit, cursor, now));
    case 'pools':
      return page(nat.pools(limit, cursor));
  }
};
