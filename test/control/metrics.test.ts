import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { CELL_COUNT, Cell, type CounterName, cellsOf, counterFamilies, metricName } from '../../src/base/counters.ts';
import { DropReason, dropReasonNames } from '../../src/base/drop-reason.ts';
import { createMetrics, labelsOf } from '../../src/control/metrics.ts';
import { requires } from '../support/requires.ts';
import { FakeGateway } from './fake-gateway.ts';

/** Series → value. */
const scrape = async (gateway: FakeGateway, registry = createMetrics(gateway)): Promise<Map<string, number>> => {
  const series = new Map<string, number>();
  for (const line of (await registry.metrics()).split('\n')) {
    const match = /^(anygate_[\w:]+(?:\{.*\})?) (\S+)$/.exec(line);
    if (match) series.set(match[1]!, Number(match[2]));
  }
  return series;
};

const REQUIRED = [
  'anygate_build_info',
  'anygate_tunnel_clients{state="connected"}',
  'anygate_tunnel_packets_total{direction="outbound"}',
  'anygate_tunnel_bytes_total{direction="inbound"}',
  'anygate_dropped_packets_total{direction="outbound",reason="satp_bad_tag"}',
  'anygate_relay_packets_total{direction="inbound",protocol="tcp"}',
  'anygate_relay_bytes_total{direction="inbound",protocol="udp"}',
  'anygate_nat_sessions{protocol="udp"}',
  'anygate_nat_mappings{protocol="icmp"}',
  'anygate_nat_sessions_created_total{protocol="tcp"}',
  'anygate_nat_ports_capacity{protocol="udp"}',
  'anygate_nat_ports_used{protocol="udp"}',
  'anygate_nat_allocation_failures_total{reason="ports_exhausted"}',
  'anygate_icmp_generated_total{type="time_exceeded"}',
  'anygate_tunnel_roams_total',
  'anygate_draining',
  'anygate_health_check_up{check="device"}',
  'anygate_shard_busy_ratio{shard="1"}',
  'anygate_socket_receive_drops_total{socket="0"}',
  'anygate_config_reloads_total{result="failure"}',
  'anygate_config_last_reload_success_timestamp_seconds',
  'anygate_start_time_seconds',
  'anygate_shard_restarts_total',
];

test('every promised series is there from the start', async () => {
  const series = await scrape(new FakeGateway());
  for (const name of REQUIRED)
    assert.ok(
      [...series.keys()].some((key) => key === name || key.startsWith(`${name}{`)),
      name,
    );
});

test('every cell of the counters is a series of its own, at 0', async () => {
  const series = await scrape(new FakeGateway());
  let cells = 0;
  for (const [name, family] of Object.entries(counterFamilies)) {
    const prefix = metricName(name as CounterName);
    const found = [...series].filter(([key]) => key === prefix || key.startsWith(`${prefix}{`));
    assert.equal(found.length, cellsOf(family), prefix);
    for (const [key, value] of found) assert.equal(value, 0, key);
    cells += found.length;
  }
  assert.equal(cells, CELL_COUNT);
});

test('a cell is shown under the labels that the data path counted it for, summed over the shards', async () => {
  const gateway = new FakeGateway();
  const inbound = Cell.droppedPackets + dropReasonNames.length;
  gateway.shards[0]![inbound + DropReason.natFiltered] = 5;
  gateway.shards[1]![inbound + DropReason.natFiltered] = 2;
  gateway.shards[1]![Cell.relayPackets + 1 * 3 + 2] = 7;
  gateway.shards[1]![Cell.natSessions + 1] = 9;
  const series = await scrape(gateway);
  assert.equal(series.get('anygate_dropped_packets_total{direction="inbound",reason="nat_filtered"}'), 7);
  assert.equal(series.get('anygate_dropped_packets_total{direction="outbound",reason="nat_filtered"}'), 0);
  assert.equal(series.get('anygate_relay_packets_total{direction="inbound",protocol="icmp"}'), 7);
  assert.equal(series.get('anygate_nat_sessions{protocol="tcp"}'), 9);
});

test('scraping twice counts nothing twice, and a gauge that falls is seen to fall', async () => {
  const gateway = new FakeGateway();
  const registry = createMetrics(gateway);
  gateway.shards[0]![Cell.tunnelRoams] = 4;
  gateway.shards[0]![Cell.natMappings] = 8;
  await scrape(gateway, registry);
  gateway.shards[0]![Cell.natMappings] = 3;
  const series = await scrape(gateway, registry);
  assert.equal(series.get('anygate_tunnel_roams_total'), 4);
  assert.equal(series.get('anygate_nat_mappings{protocol="udp"}'), 3);
});

test('health, draining, clients and reloads follow the gateway', async () => {
  const gateway = new FakeGateway();
  gateway.failing = ['device'];
  gateway.draining = true;
  gateway.reloads = 6;
  const series = await scrape(gateway);
  assert.equal(series.get('anygate_health_check_up{check="device"}'), 0);
  assert.equal(series.get('anygate_health_check_up{check="shards"}'), 1);
  assert.equal(series.get('anygate_draining'), 1);
  assert.equal(series.get('anygate_config_reloads_total{result="success"}'), 6);
  assert.equal(series.get('anygate_socket_receive_drops_total{socket="0"}'), 3);
});

test('the busy ratio is that of the time since the last scrape, and stays while no time has passed', async () => {
  const gateway = new FakeGateway();
  const registry = createMetrics(gateway);
  const shard = gateway.shards[1]!;
  const ratio = async () => (await scrape(gateway, registry)).get('anygate_shard_busy_ratio{shard="1"}');
  assert.equal(await ratio(), 0);
  shard[Cell.shardBusySeconds] = 3;
  shard[Cell.shardIdleSeconds] = 9;
  assert.equal(await ratio(), 0.25);
  assert.equal(await ratio(), 0.25);
  shard[Cell.shardBusySeconds] = 13;
  assert.equal(await ratio(), 1);
});

test('labels follow the order of the cells', () => {
  const { droppedPackets } = counterFamilies;
  assert.deepEqual(labelsOf(droppedPackets, 0), { direction: 'outbound', reason: 'satp_truncated' });
  assert.deepEqual(labelsOf(droppedPackets, dropReasonNames.length), {
    direction: 'inbound',
    reason: 'satp_truncated',
  });
  assert.deepEqual(labelsOf(counterFamilies.tunnelRoams, 0), {});
});

test('no label but of a fixed set names anything', async () => {
  const allowed = [
    'direction',
    'reason',
    'protocol',
    'type',
    'result',
    'state',
    'check',
    'shard',
    'socket',
    'version',
    'revision',
    'nodejs',
    'kind',
  ];
  for (const key of (await scrape(new FakeGateway())).keys())
    for (const [, label] of key.matchAll(/(\w+)="/g)) assert.ok(allowed.includes(label!), key);
});

test('promtool finds nothing to complain about', { skip: requires({ commands: ['promtool'] }) }, async () => {
  const text = await createMetrics(new FakeGateway()).metrics();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  assert.equal(`${stdout}${stderr}`, '');
  assert.equal(status, 0);
});
