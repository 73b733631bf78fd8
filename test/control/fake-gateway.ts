// A gateway that is not there: it answers what the test tells it to. The expectations in gateway-contract.ts hold it to what the HTTP
// side relies on.

import { type Counters, createCounters } from '../../src/base/counters.ts';
import {
  type Check,
  type ClientRow,
  checkNames,
  type GatewayControl,
  type GatewayStatus,
  type MappingRow,
  type Page,
  type PageQuery,
  type PoolRow,
  type ReloadResult,
  type SessionRow,
  type Vitals,
} from '../../src/control/gateway-control.ts';

const page = <T>(rows: readonly T[], { cursor, limit }: PageQuery): Promise<Page<T>> =>
  Promise.resolve({
    rows: rows.slice(cursor, cursor + limit),
    next: cursor + limit < rows.length ? cursor + limit : null,
  });

export class FakeGateway implements GatewayControl {
  readonly shards: Counters[] = [createCounters(), createCounters()];
  failing: readonly string[] = [];
  draining = false;
  reloads = 0;
  readonly resets: string[] = [];
  reloadResult: ReloadResult = { applied: true, warnings: [] };
  clientRows: ClientRow[] = [];
  mappingRows: MappingRow[] = [];
  sessionRows: SessionRow[] = [];
  poolRows: PoolRow[] = [];
  node = 'gw1';
  /** Thrown by every table, if set. */
  failure: Error | undefined;

  status(): GatewayStatus {
    return {
      node: this.node,
      version: '1.2.3',
      startedAt: '2026-01-01T00:00:00.000Z',
      uptimeSeconds: 61.5,
      draining: this.draining,
      shards: this.shards.length,
      listen: ['0.0.0.0:4444'],
      egress: 'routed',
      clients: { connected: 1, unproven: 0, unheard: 2 },
    };
  }

  health(): readonly Check[] {
    return checkNames.map((name) => ({
      name,
      ok: !this.failing.includes(name),
      detail: this.failing.includes(name) ? 'broken <b>' : 'fine',
    }));
  }

  vitals(): Vitals {
    return {
      startTimeSeconds: 1_767_225_600,
      draining: this.draining,
      clients: this.status().clients,
      socketReceiveDrops: [3, 0],
      shardRestarts: 1,
      reloads: { success: this.reloads, failure: 0 },
      lastReloadSuccessSeconds: 1_767_225_600,
    };
  }

  counters(): readonly Counters[] {
    return this.shards;
  }

  async clients(query: PageQuery): Promise<Page<ClientRow>> {
    if (this.failure) throw this.failure;
    return page(this.clientRows, query);
  }

  async mappings(query: PageQuery): Promise<Page<MappingRow>> {
    if (this.failure) throw this.failure;
    return page(this.mappingRows, query);
  }

  async sessions(query: PageQuery): Promise<Page<SessionRow>> {
    if (this.failure) throw this.failure;
    return page(this.sessionRows, query);
  }

  async pools(query: PageQuery): Promise<Page<PoolRow>> {
    if (this.failure) throw this.failure;
    return page(this.poolRows, query);
  }

  async reload(): Promise<ReloadResult> {
    this.reloads++;
    return this.reloadResult;
  }

  async resetClient(name: string): Promise<boolean> {
    if (this.failure) throw this.failure;
    if (!this.clientRows.some((row) => row.name === name)) return false;
    this.resets.push(name);
    return true;
  }
}
