// Pages of the tables for people. Read between two batches, so a page is small; it allocates, which the packet's path never does.

import { EndpointWord } from '../base/endpoint.ts';
import { type Duration, type Instant, minutes } from '../base/time.ts';
import { type Family, formatRemote } from '../io/socket-address.ts';
import type { ViewPage } from '../nat/policy.ts';
import type { ClientView, Query, TablePage, TableRows } from './messages.ts';
import type { Stages } from './pipeline.ts';
import type { Roster } from './roster.ts';

/** A client that nothing authentic came from for longer counts as unheard. */
export const HEARD_WITHIN: Duration = minutes(3);
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

/** A cursor is a row, as with the NAT: pages cost what is on them, however many clients there are. */
const clientPage = (
  { stages: { satp }, roster, families }: TableSources,
  cursor: number,
  limit: number,
  now: Instant,
): TablePage<ClientView> => {
  const rows: ClientView[] = [];
  let row = cursor;
  for (; row < roster.highWater && rows.length < limit; row++) {
    const view = satp.view(row);
    if (view === undefined) continue;
    const { name, mux, endpoint, heardAt } = view;
    rows.push({
      name,
      mux,
      state: satp.state(row, HEARD_WITHIN, now),
      endpoint: showEndpoint(endpoint, families),
      heardSecondsAgo: heardAt === undefined ? null : Math.floor((now - heardAt) / 1000),
    });
  }
  return { rows, names: new Map(), next: row < roster.highWater ? row : null };
};

/** The part of a table that `query` asks for. */
export const readTable = (sources: TableSources, query: Query, now: Instant): TablePage<TableRows[keyof TableRows]> => {
  const limit = Math.min(query.limit, LARGEST_PAGE);
  const { table, cursor } = query;
  const { nat, satp } = sources.stages;
  const named = <Row extends { readonly client: number }>(page: ViewPage<Row>): TablePage<Row> => {
    const names = new Map<number, string>();
    for (const { client } of page.rows) names.set(client, satp.view(client)?.name ?? '');
    return { ...page, names };
  };
  switch (table) {
    case 'clients':
      return clientPage(sources, cursor, limit, now);
    case 'mappings':
      return named(nat.mappings(limit, cursor));
    case 'sessions':
      return named(nat.sessions(limit, cursor, now));
    case 'pools':
      return { ...nat.pools(limit, cursor), names: new Map() };
  }
};
