import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Protocol } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { instant } from '../../src/base/time.ts';
import { MappingTable } from '../../src/nat/mapping-table.ts';
import { NO_ROW } from '../../src/nat/row-lists.ts';
import { SessionTable } from '../../src/nat/session-table.ts';
import { TcpState } from '../../src/nat/tcp-state.ts';
import { port } from '../../src/wire/addr.ts';
import { ip } from './rig.ts';

const tables = (capacity: number): { mappings: MappingTable; sessions: SessionTable; mapping: number } => {
  const random = new SeededRandom(1);
  const mappings = new MappingTable(4, 16, random);
  const sessions = new SessionTable(capacity, 4, 5, mappings, random);
  const mapping = mappings.open(7, Protocol.tcp, ip('255.1.2.3'), port(65535), ip('254.0.0.1'), port(40000), 3);
  return { mappings, sessions, mapping };
};

test('a mapping reads back as it was opened', () => {
  const { mappings, mapping } = tables(2);
  assert.equal(mappings.client(mapping), 7);
  assert.equal(mappings.protocol(mapping), Protocol.tcp);
  assert.equal(mappings.internalAddress(mapping), ip('255.1.2.3'));
  assert.equal(mappings.internalPort(mapping), 65535);
  assert.equal(mappings.externalAddress(mapping), ip('254.0.0.1'));
  assert.equal(mappings.externalPort(mapping), 40000);
  assert.equal(mappings.addressIndex(mapping), 3);
  assert.equal(mappings.find(Protocol.tcp, ip('255.1.2.3'), port(65535)), mapping);
  assert.equal(mappings.find(Protocol.udp, ip('255.1.2.3'), port(65535)), NO_ROW);
  mappings.close(mapping);
  assert.equal(mappings.find(Protocol.tcp, ip('255.1.2.3'), port(65535)), NO_ROW);
  assert.ok(!mappings.isOpen(mapping));
});

test('a session reads back as it was opened, whatever is set besides', () => {
  const { sessions, mapping } = tables(2);
  const row = sessions.open(mapping, ip('253.9.9.9'), port(65534), true);
  sessions.setTcpState(row, TcpState.reset);
  sessions.setTimeoutClass(row, 4);
  sessions.setUsedAt(row, instant(12345.5));
  sessions.setListedAt(row, instant(54321.5));
  sessions.setHolds(row);
  assert.deepEqual(
    [
      sessions.internalAddress(row),
      sessions.internalPort(row),
      sessions.externalAddress(row),
      sessions.externalPort(row),
    ],
    [ip('255.1.2.3'), 65535, ip('254.0.0.1'), 40000],
  );
  assert.deepEqual([sessions.remoteAddress(row), sessions.remotePort(row)], [ip('253.9.9.9'), 65534]);
  assert.deepEqual([sessions.protocol(row), sessions.client(row), sessions.mapping(row)], [Protocol.tcp, 7, mapping]);
  assert.deepEqual([sessions.tcpState(row), sessions.timeoutClass(row)], [TcpState.reset, 4]);
  assert.deepEqual([sessions.usedAt(row), sessions.listedAt(row)], [12345.5, 54321.5]);
  assert.deepEqual([sessions.isOpen(row), sessions.holds(row), sessions.isHairpin(row)], [true, true, true]);
  sessions.setHairpin(row, false);
  assert.deepEqual([sessions.isHairpin(row), sessions.holds(row), sessions.remotePort(row)], [false, true, 65534]);
});

test('a session is found by either key and by no other', () => {
  const { sessions, mapping } = tables(2);
  const row = sessions.open(mapping, ip('253.9.9.9'), port(1), false);
  const inner = [ip('255.1.2.3') | 0, ip('253.9.9.9') | 0, (65535 << 16) | 1, Protocol.tcp] as const;
  const outer = [ip('254.0.0.1') | 0, ip('253.9.9.9') | 0, (40000 << 16) | 1, Protocol.tcp] as const;
  assert.equal(sessions.findInternal(sessions.internalHome(...inner), ...inner), row);
  assert.equal(sessions.findExternal(sessions.externalHome(...outer), ...outer), row);
  assert.equal(sessions.findInternal(sessions.internalHome(...outer), ...outer), NO_ROW);
  sessions.close(row);
  assert.equal(sessions.findInternal(sessions.internalHome(...inner), ...inner), NO_ROW);
  assert.equal(sessions.findExternal(sessions.externalHome(...outer), ...outer), NO_ROW);
  assert.ok(!sessions.isOpen(row));
});

test('a closed session’s row is not reused until the batch ends', () => {
  const { sessions, mapping } = tables(1);
  const row = sessions.open(mapping, ip('253.9.9.9'), port(1), false);
  sessions.close(row);
  assert.equal(sessions.hasRoom, false);
  assert.equal(sessions.open(mapping, ip('253.9.9.9'), port(2), false), NO_ROW);
  sessions.settle();
  assert.equal(sessions.open(mapping, ip('253.9.9.9'), port(2), false), row);
});

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Buffers are counted out by the collection after the one that finds them dead.
  collect();
  collect();
};

test('a session takes 128 octets: its row and two index entries', () => {
  const capacity = 100_000;
  const random = new SeededRandom(1);
  const mappings = new MappingTable(1, 1, random);
  // What other tests have left is collected now, and not while this one measures.
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  const sessions = new SessionTable(capacity, 1, 5, mappings, random);
  const perSession = (process.memoryUsage().arrayBuffers - before) / capacity;
  assert.ok(sessions.hasRoom);
  assert.ok(perSession >= 128 && perSession < 128.1, `${perSession}`);
});
