// The reference pages, printed from the code that they describe: configuration keys from the schema, metrics from the registry, errors
// and drop reasons from their catalogues. `npm run docs` writes them; a test compares.

import type { TSchema } from 'typebox';
import { type CounterName, counterFamilies, createCounters, metricName } from '../src/base/counters.ts';
import { dropReasonHelp, dropReasonNames, toLabel } from '../src/base/drop-reason.ts';
import { type ErrorCode, errorCatalogue } from '../src/base/errors.ts';
import { configSchema } from '../src/control/config-schema.ts';
import { overridable } from '../src/control/env-overrides.ts';
import { checkHelp, checkNames, type GatewayControl, reloadResults } from '../src/control/gateway-control.ts';
import { createMetrics } from '../src/control/metrics.ts';

const GENERATED = '<!-- Written by `npm run docs`; change the code instead. -->';

const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(row)].join('\n');
const code = (text: string): string => `\`${text}\``;

interface Node {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly required?: readonly string[];
}

const kindOf = (node: Node): string => {
  if (node.enum !== undefined) return node.enum.map(code).join(', ');
  if (node.minimum !== undefined) return `${node.minimum} to ${node.maximum}`;
  const kinds: Readonly<Record<string, string>> = {
    string: 'text',
    boolean: 'true or false',
    array: 'list',
    integer: 'number',
  };
  return [node.type ?? 'text']
    .flat()
    .map((type) => kinds[type] ?? type)
    .join(' or ');
};

const defaultOf = (node: Node, isRequired: boolean): string => {
  if (node.default === undefined) return isRequired ? '**required**' : '';
  return code(typeof node.default === 'string' ? node.default : JSON.stringify(node.default));
};

interface Section {
  readonly path: string;
  readonly description: string;
  readonly rows: readonly (readonly string[])[];
}

const sectionsOf = (node: Node, path: string): Section[] => {
  const entries = Object.entries(node.properties ?? {});
  const isGroup = (child: Node): boolean => child.properties !== undefined || child.items?.properties !== undefined;
  const rows = entries
    .filter(([, child]) => !isGroup(child))
    .map(([key, child]) => [
      code(key),
      kindOf(child),
      defaultOf(child, node.required?.includes(key) === true),
      child.description ?? '',
    ]);
  const below = entries.flatMap(([key, child]): Section[] => {
    if (child.properties !== undefined) return sectionsOf(child, path === '' ? key : `${path}.${key}`);
    // Rules come later as a whole; their inside is not for anybody to write yet.
    return child.items?.properties !== undefined && key !== 'rules' ? sectionsOf(child.items, `${key}[]`) : [];
  });
  const own = rows.length === 0 ? [] : [{ path, description: node.description ?? '', rows }];
  return path === '' ? [...below, ...own] : [...own, ...below];
};

/** docs/config.md */
export const configPage = (): string => {
  const sections = sectionsOf(configSchema as TSchema as Node, '').map(
    ({ path, description, rows }) =>
      `## ${path === '' ? 'At the top' : code(path)}\n\n${description === '' ? '' : `${description}\n\n`}${table(['key', 'value', 'default', 'meaning'], rows)}`,
  );
  const variables = overridable.map(({ variable, path }) => [code(variable), code(path.join('.'))]);
  return `# Configuration

${GENERATED}

One YAML file, \`./anygate.yaml\` unless \`--config\` names another. \`anygate init\` writes a first one, \`anygate check FILE\` reports every
problem of one, with its line, and \`deploy/example.yaml\` shows every key. A key that is not known is an error.

- Everything has a default but \`clients\`, their keys and addresses, and \`relay.pool\`.
- Durations have units: \`90s\`, \`5m\`, \`2h4m\`, \`500ms\`, \`1d\`.
- Paths in the file are relative to its directory.
- A changed file is taken up by \`anygate reload\`, SIGHUP or \`POST /api/v1/reload\`: all of it or nothing. What only a restart can change is
  refused by name. Sessions whose resources still exist live on.

A client needs a key and a salt. \`keyFile\` is a file with the lines \`key: HEX\` and \`salt: HEX\`, or with the hex of both; \`key\` and \`salt\`
give them here. Whichever of the two is missing comes from the passphrase, as it does in the daemons: the key is the end of its SHA-256, the
salt the end of its SHA-1. One hash without a salt is all that protects a passphrase, so prefer a random key (\`anygate keygen\`).

What lets others read or forge a client's traffic is an error unless that client says \`allowInsecure: true\`: a null \`cipher\`, \`kdf\` or
\`auth\`, an \`authTagLength\` under 8, a key that is all zero, and a key that another client has too (then on both).

${sections.join('\n\n')}

## Environment variables

They override the file. Groups are separated by two underscores; items of a list by commas.

${table(['variable', 'key'], variables)}
`;
};

const labelsOf = (name: string, labels: readonly string[]): string => {
  const known: Readonly<Record<string, readonly string[]>> = {
    anygate_health_check_up: checkNames,
    anygate_config_reloads_total: reloadResults,
  };
  const family = (Object.keys(counterFamilies) as CounterName[]).find((key) => metricName(key) === name);
  return labels
    .map((label) => {
      const values = family ? counterFamilies[family].labels.find((l) => l.name === label)?.values : known[name];
      if (label === 'reason' && name === 'anygate_dropped_packets_total')
        return `${code(label)}: [reasons](drop-reasons.md)`;
      return values === undefined ? code(label) : `${code(label)}: ${values.map(code).join(' ')}`;
    })
    .join('; ');
};

/** A gateway to take the names of metrics from; nothing of it is ever read. */
const nameless = {
  counters: () => [createCounters()],
  health: () => [],
  vitals: () => ({
    startTimeSeconds: 0,
    draining: false,
    clients: { connected: 0, unproven: 0, unheard: 0 },
    socketReceiveDrops: [0],
    shardRestarts: 0,
    reloads: { success: 0, failure: 0 },
    lastReloadSuccessSeconds: 0,
  }),
} as unknown as GatewayControl;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** docs/metrics.md */
export const metricsPage = (): string => {
  const metrics = createMetrics(nameless).getMetricsAsArray() as unknown as readonly Metric[];
  const own = metrics.filter((m) => m.name.startsWith('anygate_')).sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = own.map((m) => [code(m.name), m.type, labelsOf(m.name, m.labelNames), m.help]);
  const nodes = metrics.filter((m) => !m.name.startsWith('anygate_')).map((m) => code(m.name));
  return `# Metrics

${GENERATED}

\`GET /metrics\` in the Prometheus text format. Every series exists from the start, at 0. No label names a client or an address; the API
(\`/api/v1\`) and the log do. Counters of all shards are added up.

${table(['metric', 'type', 'labels', 'meaning'], rows)}

## Checks

The checks of \`/readyz\`, which answers 200 while all of them pass.

${table(
  ['check', 'passes while'],
  checkNames.map((name) => [code(name), checkHelp[name]]),
)}

## Of Node.js

${nodes.sort().join(' ')}
`;
};

/** docs/errors.md */
export const errorsPage = (): string => {
  const whose: Readonly<Record<number, string>> = { 2: '2, configuration', 3: '3, machine', 70: '70, a bug of ours' };
  const rows = Object.entries(errorCatalogue).map(([name, { exit, help }]) => [
    code(name as ErrorCode),
    whose[exit] ?? String(exit),
    help,
  ]);
  return `# Errors

${GENERATED}

What ends a command, or refuses a reload, has one of these codes; its message says what to change. The API gives the code in the member
\`code\` of its problem documents. What is wrong with a packet is none of this: see [drop-reasons.md](drop-reasons.md).

${table(['code', 'exit code', 'meaning and cure'], rows)}
`;
};

/** docs/drop-reasons.md */
export const dropReasonsPage = (): string => `# Drop reasons

${GENERATED}

Why a packet was refused, as the label \`reason\` of \`anygate_dropped_packets_total\`. Every refused packet is counted once, under the first
reason that applied. The log sums them up, at most every ten seconds.

${table(
  ['reason', 'meaning'],
  dropReasonNames.map((name) => [code(toLabel(name)), dropReasonHelp[name]]),
)}
`;

/** Every generated page by its file below docs/. */
export const pages: Readonly<Record<string, () => string>> = {
  'config.md': configPage,
  'metrics.md': metricsPage,
  'errors.md': errorsPage,
  'drop-reasons.md': dropReasonsPage,
};
