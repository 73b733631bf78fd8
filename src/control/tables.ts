// The tables that people look at, a page at a time: what the shard answers, put into words.

import type { TableRows } from '../dataplane/messages.ts';
import { formatPrefix4 } from '../wire/addr.ts';
import type { Config } from './config.ts';
import type { ClientRow, MappingRow, Page, PageQuery, PoolRow, SessionRow } from './gateway-control.ts';
import type { ShardSupervisor } from './shard-supervisor.ts';
import { type ClientNames, showMapping, showPool, showSession } from './views.ts';

/** Reads tables of one shard under the configuration that `config` returns. */
export class Tables {
  readonly #shard: ShardSupervisor;
  readonly #config: () => Config;

  constructor(shard: ShardSupervisor, config: () => Config) {
    this.#shard = shard;
    this.#config = config;
  }

  clients(query: PageQuery): Promise<Page<ClientRow>> {
    const addresses = new Map(this.#config().clients.map((c) => [c.name, c.addresses.map(formatPrefix4)]));
    return this.#page('clients', query, (view) => ({
      name: view.name,
      mux: view.mux,
      state: view.state,
      endpoint: view.endpoint,
      heardSecondsAgo: view.heardSecondsAgo,
      addresses: addresses.get(view.name) ?? [],
    }));
  }

  mappings(query: PageQuery): Promise<Page<MappingRow>> {
    return this.#page('mappings', query, showMapping);
  }

  sessions(query: PageQuery): Promise<Page<SessionRow>> {
    return this.#page('sessions', query, showSession);
  }

  pools(query: PageQuery): Promise<Page<PoolRow>> {
    return this.#page('pools', query, showPool);
  }

  async #page<T extends keyof TableRows, Row>(
    table: T,
    query: PageQuery,
    show: (view: TableRows[T], nameOf: ClientNames) => Row,
  ): Promise<Page<Row>> {
    const { rows, next, names } = await this.#shard.query({ table, ...query });
    return { rows: rows.map((view) => show(view, (row) => names.get(row) ?? null)), next };
  }
}
