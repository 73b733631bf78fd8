// The reference pages say what the code says, the example configuration is one, and every test that a page names exists.

import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pages } from '../scripts/reference.ts';
import { examineFile } from '../src/control/config.ts';
import { configSchema } from '../src/control/config-schema.ts';
import { formatProblem } from '../src/control/problem.ts';

const ROOT = join(import.meta.dirname, '..');
const DOCS = join(ROOT, 'docs');

for (const [name, print] of Object.entries(pages))
  test(`docs/${name} is what the code says (npm run docs writes it)`, () => {
    assert.equal(readFileSync(join(DOCS, name), 'utf8'), print());
  });

test('deploy/example.yaml is a configuration without anything to warn of', () => {
  const directory = mkdtempSync(join(tmpdir(), 'anygate-example-'));
  try {
    mkdirSync(join(directory, 'keys'));
    copyFileSync(join(ROOT, 'deploy/example.yaml'), join(directory, 'example.yaml'));
    const secrets = {
      alice: 'key: 00112233445566778899aabbccddeeff\nsalt: 0102030405060708090a0b0c0d0e\n',
      bob: `${'long '.repeat(9)}\n`,
    };
    for (const [name, text] of Object.entries(secrets))
      writeFileSync(join(directory, 'keys', name), text, { mode: 0o600 });
    const { problems } = examineFile(join(directory, 'example.yaml'), {});
    assert.deepEqual(
      problems.map((p) => formatProblem('example.yaml', p)),
      [],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

const leavesOf = (node: Node): string[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    if (key === 'rules') return [key];
    const below = leavesOf(child.items ?? child);
    return below.length > 0 ? below : [key];
  });

test('deploy/example.yaml shows every key', () => {
  const text = readFileSync(join(ROOT, 'deploy/example.yaml'), 'utf8');
  for (const key of leavesOf(configSchema as Node)) assert.match(text, new RegExp(`\\b${key}:`), key);
});

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** Titles of all tests; what a title gets at run time matches anything. */
const titles = (): RegExp[] =>
  readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => [
      ...readFileSync(join(ROOT, 'test', file), 'utf8').matchAll(
        /\b(?:test|it)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g,
      ),
    ])
    .map(([, single, double, template]) => (single ?? double ?? template ?? '').replaceAll(/\\(.)/g, '$1'))
    // One that is made as a whole at run time would match, and so excuse, every name.
    .filter((title) => !/^\$\{[^}]*\}$/.test(title))
    .map(
      (title) =>
        new RegExp(
          `^${title
            .split(/\$\{[^}]*\}/)
            .map(literally)
            .join('.*')}$`,
          's',
        ),
    );

const conformance = join(DOCS, 'conformance.md');

test('every test that docs/conformance.md names exists', {
  skip: existsSync(conformance) ? false : 'the page is not there yet',
}, () => {
  const known = titles();
  const named = [...readFileSync(conformance, 'utf8').matchAll(/“([^”\n]+)”/g)].map((m) => m[1]!);
  assert.ok(named.length > 0, 'the page names no test');
  const missing = named.filter((name) => !known.some((title) => title.test(name)));
  assert.deepEqual(missing, []);
});
