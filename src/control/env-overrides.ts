// Environment variables that override keys of the file: ANYGATE_HTTP__LISTEN is http.listen, ANYGATE_SATP__REPLAY_WINDOW is
// satp.replayWindow. Lists of plain values are separated by commas. A variable with `__` that names no key is an error. Others that
// start with ANYGATE_ are left alone: a container platform makes such names for services (ANYGATE_PORT, ANYGATE_SERVICE_HOST).

import type { TSchema } from 'typebox';
import { configSchema } from './config-schema.ts';
import type { KeyPath } from './problem.ts';
import { nearest } from './suggest.ts';

/** A value that a variable gives to a key. */
export interface Override {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** A variable that names no key that it could set. */
export interface UnknownVariable {
  readonly variable: string;
  readonly message: string;
}

const PREFIX = 'ANYGATE_';

interface Node {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

interface Leaf {
  readonly variable: string;
  readonly path: readonly string[];
  readonly schema: Node;
}

const snake = (key: string): string => key.replaceAll(/[A-Z]/g, (c) => `_${c}`).toUpperCase();

const leavesOf = (node: Node, path: readonly string[]): Leaf[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, child]): Leaf[] => {
    const here = [...path, key];
    if (child.properties !== undefined) return leavesOf(child, here);
    if (child.items?.properties !== undefined) return [];
    return [{ variable: PREFIX + here.map(snake).join('__'), path: here, schema: child }];
  });

const leaves: readonly Leaf[] = leavesOf(configSchema as TSchema as Node, []);

/** Every variable and the key that it sets. */
export const overridable: readonly { readonly variable: string; readonly path: readonly string[] }[] = leaves;

const parseValue = (text: string, schema: Node): unknown => {
  const types = [schema.type ?? 'string'].flat();
  if (types.includes('array')) return text.split(',').map((part) => part.trim());
  if (types.includes('integer') && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (types.includes('boolean') && /^(true|false)$/.test(text)) return text === 'true';
  return text;
};

// REPLAYWINDOW is as good as REPLAY_WINDOW; the double underscore between groups matters.
const normal = (variable: string): string => variable.toUpperCase().replaceAll(/(?<!_)_(?!_)/g, '');
const byName = new Map(leaves.map((leaf) => [normal(leaf.variable), leaf]));

/** The overrides in `environment`, and the variables that look like one and are none. */
export const readOverrides = (
  environment: Readonly<Record<string, string | undefined>>,
): { readonly overrides: readonly Override[]; readonly unknown: readonly UnknownVariable[] } => {
  const overrides: Override[] = [];
  const unknown: UnknownVariable[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || text === undefined) continue;
    const leaf = byName.get(normal(variable));
    if (leaf !== undefined) overrides.push({ variable, path: leaf.path, value: parseValue(text, leaf.schema) });
    else if (variable.includes('__')) {
      const near = nearest(
        variable,
        leaves.map((l) => l.variable),
      );
      unknown.push({ variable, message: `this variable sets no key; the nearest that does is ${near}` });
    }
  }
  return { overrides, unknown };
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** `value` with `override` in its place; groups on the way are made where the file has none. */
export const applyOverride = (value: unknown, override: Override): unknown => {
  const config = isRecord(value) ? value : value === null ? {} : undefined;
  if (config === undefined) return value;
  let group: Record<string, unknown> = config;
  for (const key of override.path.slice(0, -1)) {
    const child = Object.hasOwn(group, key) ? group[key] : undefined;
    if (child === undefined || child === null) group[key] = {};
    else if (!isRecord(child)) return config;
    group = group[key] as Record<string, unknown>;
  }
  group[override.path.at(-1)!] = override.value;
  return config;
};

/** Which of `overrides` set the value at `path`, or a part of it that is a list's item. */
export const variableAt = (overrides: readonly Override[], path: KeyPath): string | undefined =>
  overrides.find((o) => o.path.every((step, i) => path[i] === step))?.variable;
