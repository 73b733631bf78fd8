// How the demonstration's output looks, and that its metrics are read the same from text and from counters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cell, createCounters } from '../../src/base/counters.ts';
import { alignColumns, Printer } from '../../src/cli/demo/print.ts';
import { parseSeries, seriesOf } from '../../src/cli/demo/series.ts';

/** What `tell` prints on a screen, and what it threw. */
const printed = async (isTTY: boolean, environment: Record<string, string>, tell: (p: Printer) => unknown) => {
  let text = '';
  const screen = { isTTY, write: (more: string) => (text += more) };
  const error = await Promise.resolve(tell(new Printer(screen, environment))).catch((e: Error) => e.message);
  return { text, error };
};

test('columns are as wide as their widest cell, and numbers stand at the right', () => {
  const rows = [
    ['udp', 7],
    ['icmp', 12],
  ];
  assert.deepEqual(alignColumns(['protocol', 'n'], rows), ['protocol    n', 'udp         7', 'icmp       12']);
  assert.deepEqual(alignColumns(['a', 'b'], []), ['a   b']);
});

test('steps are numbered and marked, their further lines stand below the first', async () => {
  const { text } = await printed(false, {}, async (p) => {
    await p.step(
      'One',
      async () => 1,
      (n) => [`first ${n}`, 'second'],
    );
    await p.step(
      'Two',
      async () => 2,
      () => ['third'],
    );
  });
  assert.equal(text, ' 1 ✓ One       first 1\n               second\n 2 ✓ Two       third\n');
});

test('a step that fails is marked, and its error goes on', async () => {
  const { text, error } = await printed(false, {}, (p) =>
    p.step(
      'One',
      () => Promise.reject(new Error('no')),
      () => [],
    ),
  );
  assert.equal(text, ' 1 ✗ One\n');
  assert.equal(error, 'no');
});

test('a terminal gets colour, unless it is not wanted (NO_COLOR)', async () => {
  const tell = (p: Printer): void => p.introduce('title', []);
  assert.equal((await printed(true, {}, tell)).text, '\x1b[1mtitle\x1b[0m\n\n');
  assert.equal((await printed(true, { NO_COLOR: '1' }, tell)).text, 'title\n\n');
  assert.equal((await printed(true, { TERM: 'dumb' }, tell)).text, 'title\n\n');
});

test('series have the same names from counters and from text, whatever the order of their labels', () => {
  const counters = createCounters();
  counters[Cell.relayPackets + 1] = 5;
  const text = '# HELP x\nanygate_relay_packets_total{protocol="tcp",direction="outbound"} 5\nanygate_draining 0\n';
  const name = 'anygate_relay_packets_total{direction="outbound",protocol="tcp"}';
  assert.equal(parseSeries(text).get(name), 5);
  assert.equal(seriesOf(counters).get(name), 5);
  assert.equal(parseSeries(text).get('anygate_draining'), 0);
  assert.equal(parseSeries(text).size, 2);
});
