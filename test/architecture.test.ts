// The rules of ARCHITECTURE.md as a table: who may import whom, and what a pure layer may not touch.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const SRC = resolve(import.meta.dirname, '../src');

/** Layer → layers it may import. `main` is src/main.ts and `worker` src/worker.ts, the two composition roots. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  satp: ['base', 'wire'],
  nat: ['base', 'wire'],
  io: ['base'],
  dataplane: ['base', 'wire', 'satp', 'nat', 'io'],
  client: ['base', 'wire', 'satp', 'io', 'dataplane'],
  control: ['base', 'wire', 'satp', 'nat', 'io', 'dataplane'],
  cli: ['base', 'wire', 'satp', 'nat', 'io', 'dataplane', 'client', 'control'],
  main: ['base', 'cli'],
};

/** `import type` is free of run-time coupling, and `io` implements interfaces that other layers declare. */
const MAY_IMPORT_TYPES: Readonly<Record<string, readonly string[]>> = { io: ['satp', 'wire'] };

const PURE = ['base', 'wire', 'satp', 'nat'];
const IMPURE_GLOBALS =
  /\b(console\.|Date\.now|new Date|Math\.random|(?<![.#\w])(?:setTimeout|setInterval|setImmediate)\b|process\.|performance\.|Buffer\b)/;

/** Package → layers that may use it. A package that is not listed here may be used nowhere. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  koffi: ['io'],
  tuntap2: ['io'],
  fastify: ['control'],
  'prom-client': ['control'],
  pino: ['control'],
  yaml: ['control'],
  ajv: ['control'],
  typebox: ['control'],
  commander: ['cli'],
};

interface Source {
  readonly file: string;
  readonly layer: string;
  readonly text: string;
  readonly code: string;
}

const sources: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.ts'))
  .map((f) => {
    const text = readFileSync(join(SRC, f), 'utf8');
    const layer = f.includes('/') ? f.slice(0, f.indexOf('/')) : f.replace('.ts', '');
    return { file: f, layer, text, code: text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '') };
  });

interface Import {
  readonly typeOnly: boolean;
  readonly from: string;
}

/** Every import and re-export, bare and dynamic ones included. */
const importsOf = (code: string): Import[] => {
  const found: Import[] = [];
  for (const m of code.matchAll(/^\s*(import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'/gm))
    found.push({ typeOnly: m[2] !== undefined, from: m[3]! });
  for (const m of code.matchAll(/^\s*import\s+'([^']+)'/gm)) found.push({ typeOnly: false, from: m[1]! });
  for (const m of code.matchAll(/\bimport\(\s*'([^']+)'/g)) found.push({ typeOnly: false, from: m[1]! });
  return found;
};

const layerOf = (file: string): string =>
  file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace('.ts', '');

test('every file belongs to a known layer', () => {
  for (const s of sources) assert.ok(MAY_IMPORT[s.layer], `${s.file} is in no layer of the table`);
});

test('imports point only to the layers below', () => {
  for (const s of sources) {
    for (const i of importsOf(s.code).filter((x) => x.from.startsWith('.'))) {
      const target = layerOf(relative(SRC, resolve(SRC, dirname(s.file), i.from)));
      const allowed =
        target === s.layer ||
        MAY_IMPORT[s.layer]!.includes(target) ||
        (i.typeOnly && (MAY_IMPORT_TYPES[s.layer] ?? []).includes(target));
      assert.ok(allowed, `${s.file} (${s.layer}) imports ${i.from} (${target})`);
    }
  }
});

test('pure layers import no node module and touch no clock, timer, console or entropy', () => {
  for (const s of sources.filter((x) => PURE.includes(x.layer))) {
    for (const i of importsOf(s.code)) assert.ok(!i.from.startsWith('node:'), `${s.file} imports ${i.from}`);
    const m = IMPURE_GLOBALS.exec(s.code);
    assert.equal(m, null, `${s.file} uses ${m?.[0]}`);
  }
});

test('a package is used only where the table says', () => {
  for (const s of sources) {
    for (const i of importsOf(s.code)) {
      if (i.from.startsWith('.') || i.from.startsWith('node:')) continue;
      const name = i.from.startsWith('@') ? i.from.split('/').slice(0, 2).join('/') : i.from.split('/')[0]!;
      assert.ok(PACKAGES[name]?.includes(s.layer), `${s.file} (${s.layer}) imports ${i.from}`);
    }
  }
});

test('no file is longer than 300 lines, none exports a default', () => {
  for (const s of sources) {
    assert.ok(s.text.split('\n').length <= 301, `${s.file} has ${s.text.split('\n').length} lines`);
    assert.doesNotMatch(s.code, /^export default/m, s.file);
  }
});

test('no import goes round in a circle', () => {
  const graph = new Map(
    sources.map((s) => [
      s.file,
      importsOf(s.code)
        .filter((i) => i.from.startsWith('.') && !i.typeOnly)
        .map((i) => relative(SRC, resolve(SRC, dirname(s.file), i.from))),
    ]),
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), `circle: ${[...path, file].join(' → ')}`);
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
});

/** Accessors whose name is the RFC's name for the field, and foreign functions whose name is the manual page's. */
const SPEAKS_FOR_ITSELF = /^export const \w+ = \(pkt: DataView, at: \w+\)|\bdefine\(/;

test('every exported thing has a docstring', () => {
  for (const s of sources) {
    const lines = s.text.split('\n');
    lines.forEach((line, n) => {
      const m = /^export (?:declare )?(?:abstract )?(?:const|function|class|interface|type) (\w+)/.exec(line);
      if (m === null || (line.startsWith('export type') && line.includes('typeof'))) return;
      const documented = (lines[n - 1] ?? '').trimEnd().endsWith('*/');
      const isOverload = (lines[n - 1] ?? '').startsWith(`export function ${m[1]}`);
      const selfEvident = SPEAKS_FOR_ITSELF.test(
        lines
          .slice(n, n + 3)
          .join(' ')
          .split(';')[0]!,
      );
      assert.ok(documented || isOverload || selfEvident, `${s.file}:${n + 1} ${m[1]} has no docstring`);
    });
  }
});
