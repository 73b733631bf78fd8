// A YAML text as a plain value that remembers on which line everything stands. The parser's own messages quote the text, which may
// hold secrets, so each of its error codes has words of ours.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml';
import type { KeyPath } from './problem.ts';

/** What a YAML text says. */
export interface YamlSource {
  /** Plain data; `null` for an empty text. */
  readonly value: unknown;
  /** Line, from 1, of the key at `path`, or of the nearest one above it that the text has; `undefined` if it has none of them. */
  lineOf(path: KeyPath): number | undefined;
}

/** A place where the text is not YAML. */
export interface YamlFault {
  readonly line: number;
  readonly message: string;
}

const FAULTS: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*) takes no tag and no anchor',
  BAD_ALIAS: 'a word that starts with * refers to an anchor, and there is none of that name; put text in quotes',
  BAD_DIRECTIVE: 'a line that starts with % is a YAML directive; put text in quotes',
  BAD_DQ_ESCAPE: 'no such \\ escape in double quotes; use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines above',
  BAD_SCALAR_START: 'text cannot start with this character; put it in quotes',
  BLOCK_IN_FLOW: 'inside [ ] or { } everything must be separated by commas',
  DUPLICATE_KEY: 'this key stands twice in one group; remove one of the two',
  MISSING_CHAR:
    'a quote, bracket, comma or colon is missing here or just before; "key: value" needs a blank behind the colon',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line; is a colon or a quote missing?',
  MULTIPLE_DOCS: 'the file must hold one document; remove the --- line',
  TAB_AS_INDENT: 'indent with blanks, not with tabs',
  TAG_RESOLVE_FAILED: 'a word that starts with ! is a YAML tag, and an unknown one; put text in quotes',
  UNEXPECTED_TOKEN: 'YAML expects something else here; is a quote or an indentation missing?',
};

/** Keys whose plain words are taken letter by letter: `key: 0123` is four digits, not 123, and `kdf: null` is a word, not nothing. */
const LITERAL_KEYS = new Set(['key', 'salt', 'passphrase', 'kdf', 'cipher', 'auth']);

/** Takes literals as they are written, and returns the aliases that refer to nothing. */
const settleNodes = (document: Document): readonly Alias[] => {
  const lost: Alias[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined) lost.push(alias);
    },
    Pair(_, pair) {
      const { key, value } = pair;
      if (!isScalar(key) || !LITERAL_KEYS.has(String(key.value)) || !isScalar(value)) return;
      if (value.type === 'PLAIN' && value.source) value.value = value.source;
    },
  });
  return lost;
};

/** The node below `node` at `step`, and the node whose position shows where it starts: a pair's key, a list's item. */
const childOf = (
  document: Document,
  node: unknown,
  step: string | number,
): { mark: unknown; node: unknown } | undefined => {
  const parent = isAlias(node) ? node.resolve(document) : node;
  if (isSeq(parent) && typeof step === 'number') {
    const item = parent.items[step];
    return item === undefined ? undefined : { mark: item, node: item };
  }
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((p) => isPair(p) && isScalar(p.key) && String(p.key.value) === String(step));
  return pair === undefined ? undefined : { mark: pair.key, node: pair.value };
};

/** Deeper than any configuration; also the end of a text that contains itself by an alias. */
const DEPTH = 32;

/** A copy in which nothing is shared, so that mending one place leaves the other alone. Throws when it is too deep. */
const unshare = (value: unknown, depth = 0): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if (depth > DEPTH) throw new RangeError('too deep');
  if (Array.isArray(value)) return value.map((item) => unshare(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unshare(item, depth + 1)]));
};

/** Parses `text`, or says on which lines it is not YAML. */
export const parseYaml = (text: string): YamlSource | readonly YamlFault[] => {
  const lines = new LineCounter();
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    // The first fault of a line; further ones are its consequences.
    const faults = new Map<number, string>();
    for (const { code, pos } of [...document.errors, ...document.warnings])
      if (!faults.has(lineAt(pos[0]))) faults.set(lineAt(pos[0]), FAULTS[code] ?? `not YAML (${code})`);
    for (const alias of settleNodes(document)) faults.set(lineAt(alias.range?.[0] ?? 0), FAULTS['BAD_ALIAS']!);
    if (faults.size > 0) return [...faults].map(([line, message]) => ({ line, message }));
    const lineOf = (path: KeyPath): number | undefined => {
      let node: unknown = document.contents;
      let line: number | undefined;
      for (const step of path) {
        const child = childOf(document, node, step);
        if (child === undefined) break;
        if (isNode(child.mark) && child.mark.range) line = lineAt(child.mark.range[0]);
        node = child.node;
      }
      return line;
    };
    return { value: unshare(document.toJS()), lineOf };
  } catch {
    // The parser gives up by throwing on texts that are nested too deep or whose aliases multiply without end.
    return [{ line: 1, message: 'the text is nested too deep, or repeats aliases (*) too often' }];
  }
};
