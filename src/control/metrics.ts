// Everything Prometheus gets. The shards' counters are rendered from their declarations in base/counters.ts, summed over the shards,
// when a scrape asks for them; nothing is counted twice and no series appears late. No label names a client or an address.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import {
  Cell,
  type CounterFamily,
  type CounterName,
  type Counters,
  cellsOf,
  counterFamilies,
  metricName,
} from '../base/counters.ts';
import { checkNames, type GatewayControl, reloadResults } from './gateway-control.ts';
import { revision, VERSION } from './version.ts';

/** Labels of the cell `index` of `family`; cells are in row-major order. */
export const labelsOf = (family: CounterFamily, index: number): Record<string, string> => {
  const labels: [string, string][] = [];
  let rest = index;
  for (const { name, values } of family.labels.toReversed()) {
    labels.unshift([name, values[rest % values.length]!]);
    rest = Math.floor(rest / values.length);
  }
  return Object.fromEntries(labels);
};

const sum = (shards: readonly Counters[], cell: number): number =>
  shards.reduce((total, counters) => total + counters[cell]!, 0);

const addShardCounters = (registry: Registry, gateway: GatewayControl): void => {
  for (const [key, family] of Object.entries(counterFamilies)) {
    const name = key as CounterName;
    const series = Array.from({ length: cellsOf(family) }, (_, i) => ({
      cell: Cell[name] + i,
      labels: labelsOf(family, i),
    }));
    const configuration = {
      name: metricName(name),
      help: family.help,
      labelNames: family.labels.map((label) => label.name),
      registers: [registry],
    };
    if (family.type === 'gauge') {
      const gauge = new Gauge({
        ...configuration,
        collect: () => {
          const shards = gateway.counters();
          for (const { cell, labels } of series) gauge.set(labels, sum(shards, cell));
        },
      });
    } else {
      const counter = new Counter({
        ...configuration,
        collect: () => {
          const shards = gateway.counters();
          counter.reset();
          for (const { cell, labels } of series) counter.inc(labels, sum(shards, cell));
        },
      });
    }
  }
};

/** The share of time that each shard spent on packets since the last look at it. */
class BusyRatio {
  readonly #last: { busy: number; idle: number; ratio: number }[] = [];

  of(counters: Counters, shard: number): number {
    const busy = counters[Cell.shardBusySeconds]!;
    const idle = counters[Cell.shardIdleSeconds]!;
    const last = this.#last[shard] ?? { busy: 0, idle: 0, ratio: 0 };
    const elapsed = busy - last.busy + (idle - last.idle);
    // Two scrapers, or a status page, that ask at the same moment get the same answer.
    const isEnough = elapsed >= 1;
    const ratio = isEnough ? Math.min(1, Math.max(0, (busy - last.busy) / elapsed)) : last.ratio;
    this.#last[shard] = isEnough ? { busy, idle, ratio } : last;
    return ratio;
  }
}

type Sample = readonly [labels: Record<string, string>, value: number];

const addGauge = (registry: Registry, name: string, help: string, labelNames: string[], read: () => Sample[]): void => {
  const gauge = new Gauge({
    name: `anygate_${name}`,
    help,
    labelNames,
    registers: [registry],
    collect: () => {
      gauge.reset();
      for (const [labels, value] of read()) gauge.set(labels, value);
    },
  });
};

const addCounter = (
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: () => Sample[],
): void => {
  const counter = new Counter({
    name: `anygate_${name}`,
    help,
    labelNames,
    registers: [registry],
    collect: () => {
      counter.reset();
      for (const [labels, value] of read()) counter.inc(labels, value);
    },
  });
};

const addGatewayMetrics = (registry: Registry, gateway: GatewayControl): void => {
  const busy = new BusyRatio();
  addGauge(registry, 'build_info', 'Which Anygate this is; the value is 1.', ['version', 'revision', 'nodejs'], () => [
    [{ version: VERSION, revision: revision(), nodejs: process.version }, 1],
  ]);
  addGauge(registry, 'start_time_seconds', 'When the gateway started, in seconds since 1970.', [], () => [
    [{}, gateway.vitals().startTimeSeconds],
  ]);
  addGauge(registry, 'draining', '1 while the gateway is draining.', [], () => [
    [{}, gateway.vitals().draining ? 1 : 0],
  ]);
  addGauge(registry, 'health_check_up', '1 for each check of /readyz that passes.', ['check'], () => {
    const passing = new Set(gateway.health().flatMap((check) => (check.ok ? [check.name] : [])));
    return checkNames.map((check) => [{ check }, passing.has(check) ? 1 : 0]);
  });
  addGauge(
    registry,
    'shard_busy_ratio',
    'Share of its time that a shard spent on packets since the last scrape.',
    ['shard'],
    () => gateway.counters().map((counters, shard) => [{ shard: String(shard) }, busy.of(counters, shard)]),
  );
  addCounter(registry, 'shard_restarts_total', 'Times that a shard was replaced after it died.', [], () => [
    [{}, gateway.vitals().shardRestarts],
  ]);
  addCounter(
    registry,
    'socket_receive_drops_total',
    'Datagrams that the kernel dropped because a socket’s buffer was full, by position in satp.listen.',
    ['socket'],
    () => gateway.vitals().socketReceiveDrops.map((drops, socket) => [{ socket: String(socket) }, drops]),
  );
  addCounter(registry, 'config_reloads_total', 'Times that the configuration was read again.', ['result'], () => {
    const { reloads } = gateway.vitals();
    return reloadResults.map((result) => [{ result }, reloads[result]]);
  });
  addGauge(
    registry,
    'config_last_reload_success_timestamp_seconds',
    'When the present configuration came into force, in seconds since 1970.',
    [],
    () => [[{}, gateway.vitals().lastReloadSuccessSeconds]],
  );
};

/** Gauges of prom-client that are named like counters; each stands beside a metric that says the same by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** A registry with every series of `gateway`, read at scrape time, and Node's own. */
export const createMetrics = (gateway: GatewayControl): Registry => {
  const registry = new Registry();
  addShardCounters(registry, gateway);
  addGatewayMetrics(registry, gateway);
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return registry;
};
