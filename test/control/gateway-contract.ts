// What the HTTP side relies on, whoever implements GatewayControl. The tests run it with the fake; the real gateway is driven by HTTP in
// test/netns/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_COUNT } from '../../src/base/counters.ts';
import {
  checkNames,
  clientStates,
  type GatewayControl,
  type Page,
  type PageQuery,
} from '../../src/control/gateway-control.ts';

/** Rows of all pages, a page of one row at a time. */
const readAll = async <T>(table: (query: PageQuery) => Promise<Page<T>>): Promise<T[]> => {
  const rows: T[] = [];
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page: Page<T> = await table({ cursor, limit: 1 });
    assert.ok(page.rows.length <= 1, 'a page has no more rows than were asked for');
    assert.ok(page.next === null || page.next > cursor, 'the cursor moves on');
    rows.push(...page.rows);
    cursor = page.next;
  }
  return rows;
};

/** Declares the tests. `get` is called when they run. */
export const gatewayContract = (name: string, get: () => GatewayControl): void => {
  test(`${name}: health has every check, once`, () => {
    assert.deepEqual(
      get()
        .health()
        .map((check) => check.name)
        .sort(),
      [...checkNames].sort(),
    );
  });

  test(`${name}: every client is in one state, and status and vitals agree`, async () => {
    const gateway = get();
    const { clients } = gateway.vitals();
    assert.deepEqual(Object.keys(clients).sort(), [...clientStates].sort());
    assert.deepEqual(gateway.status().clients, clients);
    assert.equal(gateway.status().draining, gateway.vitals().draining);
  });

  test(`${name}: counters are whole sets, one a shard`, () => {
    const shards = get().counters();
    assert.equal(shards.length, get().status().shards);
    for (const counters of shards) assert.equal(counters.length, CELL_COUNT);
  });

  test(`${name}: tables come in pages`, async () => {
    const gateway = get();
    for (const table of ['clients', 'mappings', 'sessions', 'pools'] as const) {
      const all = await gateway[table]({ cursor: 0, limit: 1000 });
      const single = await readAll<unknown>((query) => gateway[table](query));
      if (all.next === null) assert.equal(single.length, all.rows.length, table);
    }
  });

  test(`${name}: a cursor beyond the end is an empty last page`, async () => {
    assert.deepEqual(await get().sessions({ cursor: 2 ** 31, limit: 10 }), { rows: [], next: null });
  });
};
