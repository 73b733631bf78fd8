// docs/conformance.md claims only what a test shows: every requirement has its row, and every test that a row names exists.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROWS = 106;

interface Row {
  readonly number: number;
  readonly state: string;
  readonly tests: readonly string[];
}

const rows: readonly Row[] = readFileSync(join(import.meta.dirname, '../docs/conformance.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => {
    const [, number, , , state, , tests] = line.split(' | ').flatMap((c, i) => (i === 0 ? ['', c.slice(2)] : [c]));
    return { number: Number(number), state: state!, tests: [...tests!.matchAll(/“([^”]+)”/g)].map((m) => m[1]!) };
  });

/** What stands between the quotes of every `test(…)`; a name that is made from a template matches what it can become. */
const names: readonly RegExp[] = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.test.ts'))
  .flatMap((f) => [...readFileSync(join(import.meta.dirname, f), 'utf8').matchAll(/\btest\(\s*(['`])(.*?)\1,/gs)])
  .filter((m) => m[2]!.replace(/\$\{[^}]*\}/g, '').length > 10)
  .map((m) => {
    const parts = m[2]!.split(/\$\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.+')}$`);
  });

test('every requirement has one row, in order', () => {
  assert.deepEqual(
    rows.map((r) => r.number),
    Array.from({ length: ROWS }, (_, i) => i + 1),
  );
});

test('every row that holds names its tests, and every test that is named exists', () => {
  for (const row of rows) {
    assert.ok(['holds', 'not yet', 'no'].includes(row.state), `row ${row.number} is “${row.state}”`);
    if (row.state === 'holds') assert.notEqual(row.tests.length, 0, `row ${row.number} holds by no test`);
    for (const name of row.tests) {
      assert.ok(
        names.some((n) => n.test(name)),
        `row ${row.number} names a test that is not there: ${name}`,
      );
    }
  }
});
