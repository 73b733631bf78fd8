// Checks plain data against the schema and says what is wrong in the operator's words. What cannot be used is then replaced by its
// default, so that the checks that follow find values of the right types and can go on looking for other problems.

import { Ajv, type ErrorObject } from 'ajv';
import type { TSchema } from 'typebox';
import { invariant } from '../base/assert.ts';
import { asRawConfig, configSchema } from './config-schema.ts';
import type { KeyPath, Report } from './problem.ts';
import type { RawConfig } from './raw-config.ts';
import { nearest } from './suggest.ts';

/** The keywords of our schema. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly string[];
  readonly writeOnly?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const ajv = new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true, verbose: true });
const validate = ajv.compile(configSchema);
const root = configSchema as Schema;

const own = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;

const schemaAt = (path: KeyPath): Schema | undefined =>
  path.reduce<Schema | undefined>(
    (schema, step) => (typeof step === 'number' ? schema?.items : own(schema?.properties, step)),
    root,
  );

/** Every key of the schema with its path; those below lists once. */
function* keysBelow(schema: Schema, path: KeyPath): Generator<KeyPath> {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    yield [...path, key];
    yield* keysBelow(child.items ?? child, [...path, key]);
  }
}
const allKeys: readonly KeyPath[] = [...keysBelow(root, [])];

/** Which known key an unknown one was meant to be: one of the same name elsewhere, or else the nearest in its group. */
const nearestKey = (group: KeyPath, key: string): string => {
  const here = nearest(key, Object.keys(schemaAt(group)?.properties ?? {})) ?? '';
  const elsewhere = allKeys.filter((path) => path.length > 1 && path.at(-1) === key).map((path) => path.join('.'));
  const isNear = here.toLowerCase() === key.toLowerCase();
  return !isNear && elsewhere.length > 0 ? elsewhere.join(' or ') : here;
};

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
};

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group of keys';
  return typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'true or false' : 'a number';
};

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

const example = (schema: Schema | undefined): string => {
  const text = schema?.examples?.[0] ?? (schema?.default === undefined ? undefined : show(schema.default));
  return text === undefined || schema?.type === 'object' ? '' : `, such as ${text}`;
};

/** What `error` means, or `undefined` if another error says it better. */
const explain = (error: ErrorObject, schema: Schema): string | undefined => {
  switch (error.keyword) {
    case 'type': {
      const kinds = [schema.type ?? []].flat().map((kind) => KINDS[kind] ?? kind);
      const isWord = error.data !== null && typeof error.data !== 'object';
      const quotes = schema.type === 'string' && isWord && example(schema) === '' ? '; put it in quotes' : '';
      return `must be ${kinds.join(' or ')}${example(schema)}, but is ${kindOf(error.data)}${quotes}`;
    }
    case 'enum': {
      const words = schema.enum ?? [];
      const near = typeof error.data === 'string' ? nearest(error.data, words) : undefined;
      const isWord = error.data !== null && typeof error.data !== 'object';
      const nearestWord = near === undefined ? '' : `; the nearest is ${near}`;
      return `must be one of ${words.join(', ')}${isWord ? `, not ${show(error.data)}` : `, but is ${kindOf(error.data)}`}${nearestWord}`;
    }
    case 'minimum':
    case 'maximum':
      return `must be between ${schema.minimum} and ${schema.maximum}, not ${show(error.data)}`;
    case 'minItems':
      return `must not be an empty list${example(schema)}`;
    default:
      return `does not fit: ${error.keyword}`;
  }
};

/** JSON pointer → path; a step into a list becomes a number. */
const pathOf = (pointer: string, value: unknown): KeyPath => {
  const path: (string | number)[] = [];
  let node = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(node) ? Number(key) : key);
    node = (node as Record<string, unknown>)[key];
  }
  return path;
};

const parentOf = (value: unknown, path: KeyPath): Record<string | number, unknown> =>
  path.slice(0, -1).reduce<unknown>((node, step) => (node as Record<string | number, unknown>)[step], value) as Record<
    string | number,
    unknown
  >;

/** A value of the right type: the default, or the emptiest there is. */
const substitute = (schema: Schema): unknown => {
  if (schema.default !== undefined) return structuredClone(schema.default);
  if (schema.enum !== undefined) return schema.enum[0];
  return { array: [], object: {}, integer: schema.minimum ?? 0, boolean: false }[String(schema.type)] ?? '';
};

/** Empty groups (`node:` with all its keys commented out) mean their defaults. */
const fillEmptyGroups = (value: unknown, schema: Schema): void => {
  if (value === null || typeof value !== 'object') return;
  const record = value as Record<string, unknown>;
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    if (child.type === 'object' && own(record, key) === null) record[key] = {};
    fillEmptyGroups(own(record, key), child);
  }
};

/** A missing list of lists is mended level by level; the schema is not deeper. */
const ROUNDS = 6;

/**
 * Reports everything in `value` that the schema refuses, and returns `value` with defaults filled in and with what was refused
 * replaced, so that it has the right types throughout. `value` is changed.
 */
export const checkShape = (value: unknown, report: Report): RawConfig => {
  let config = value ?? {};
  fillEmptyGroups(config, root);
  for (let round = 0; !validate(config); round++) {
    invariant(round < ROUNDS, 'a configuration that was mended passes the schema');
    for (const error of validate.errors ?? []) {
      const path = pathOf(error.instancePath, config);
      if (error.keyword === 'additionalProperties') {
        const key = String(error.params['additionalProperty']);
        if (!report.isBroken(path))
          report.complain([...path, key], `unknown key; the nearest known key is ${nearestKey(path, key)}`);
        delete parentOf(config, [...path, key])[key];
      } else if (error.keyword === 'required') {
        const key = String(error.params['missingProperty']);
        const schema = schemaAt([...path, key])!;
        report.error([...path, key], `missing${example(schema)}`);
        parentOf(config, [...path, key])[key] = substitute(schema);
      } else {
        const schema = (error.parentSchema ?? {}) as Schema & TSchema;
        const message = explain(error, schema);
        if (message !== undefined) report.error(path, message);
        if (path.length === 0) config = {};
        else parentOf(config, path)[path.at(-1)!] = substitute(schema);
      }
    }
  }
  return asRawConfig(config);
};
