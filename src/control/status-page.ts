// The page at `/`: how the gateway stands, for a person with a browser. One self-contained document without scripts that renews itself,
// and that says nothing a scrape of /metrics would not: no client, no address.

import { createHash } from 'node:crypto';
import { Cell, type CounterName, type Counters, cellsOf, counterFamilies } from '../base/counters.ts';
import { dropReasonHelp, dropReasonNames, toLabel } from '../base/drop-reason.ts';
import { directionNames, protocolNames } from '../base/protocol.ts';
import { milliseconds } from '../base/time.ts';
import { formatDuration } from './durations.ts';
import { clientStateHelp, clientStates, type GatewayControl } from './gateway-control.ts';

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--ok:#2a7d3f;--bad:#c0392b}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.ok{color:var(--ok)}.bad{color:var(--bad)}footer{margin-top:2rem;opacity:.8}`;

/** What the page may load and do: its own style, and nothing else. */
export const PAGE_POLICY: string = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** `text` for a place in HTML where it must mean itself. */
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => ENTITIES[c]!);

const count = (n: number): string => Math.round(n).toLocaleString('en-US').replaceAll(',', ' ');

const row = (cells: readonly (string | number)[], tag: 'td' | 'th' = 'td'): string => {
  const html = cells.map((cell) =>
    typeof cell === 'number' ? `<${tag} class="n">${count(cell)}</${tag}>` : `<${tag}>${escapeHtml(cell)}</${tag}>`,
  );
  return `<tr>${html.join('')}</tr>`;
};

const table = (title: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  rows.length === 0
    ? ''
    : `<h2>${escapeHtml(title)}</h2><table>${row(head, 'th')}${rows.map((cells) => row(cells)).join('')}</table>`;

/** The cells of a family, summed over the shards. */
const read = (shards: readonly Counters[], name: CounterName): number[] =>
  Array.from({ length: cellsOf(counterFamilies[name]) }, (_, i) =>
    shards.reduce((n, counters) => n + counters[Cell[name] + i]!, 0),
  );

const traffic = (shards: readonly Counters[]): string => {
  const columns = (['tunnelPackets', 'tunnelBytes'] as const).map((name) => read(shards, name));
  const relayed = read(shards, 'relayPackets');
  const rows = directionNames.map((direction, d) => [
    direction,
    columns[0]![d]!,
    columns[1]![d]!,
    protocolNames.reduce((n, _, p) => n + relayed[d * protocolNames.length + p]!, 0),
  ]);
  return table('Traffic', ['direction', 'datagrams', 'octets', 'packets translated'], rows);
};

const nat = (shards: readonly Counters[]): string => {
  const columns = (['natSessions', 'natMappings', 'natPortsUsed', 'natPortsCapacity'] as const).map((name) =>
    read(shards, name),
  );
  return table(
    'NAT',
    ['protocol', 'sessions', 'mappings', 'ports used', 'ports of the pool'],
    protocolNames.map((name, p) => [name, ...columns.map((column) => column[p]!)]),
  );
};

const drops = (shards: readonly Counters[]): string => {
  const cells = read(shards, 'droppedPackets');
  const rows = cells
    .map((n, i) => ({
      n,
      reason: dropReasonNames[i % dropReasonNames.length]!,
      d: Math.floor(i / dropReasonNames.length),
    }))
    .filter(({ n }) => n > 0)
    .sort((a, b) => b.n - a.n)
    .map(({ n, reason, d }) => [directionNames[d]!, toLabel(reason), n, dropReasonHelp[reason]]);
  return table('Refused packets', ['direction', 'reason', 'packets', 'meaning'], rows);
};

/** The page as it stands now. */
export const statusPage = (gateway: GatewayControl): string => {
  const status = gateway.status();
  const checks = gateway.health();
  const shards = gateway.counters();
  const isReady = checks.every((check) => check.ok);
  const uptime = formatDuration(milliseconds(Math.floor(status.uptimeSeconds) * 1000));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="refresh" content="5"><title>Anygate ${escapeHtml(status.node)}</title><style>${STYLE}</style></head><body>
<h1>Anygate ${escapeHtml(status.node)}: <span class="${isReady ? 'ok' : 'bad'}">${isReady ? 'ready' : 'not ready'}</span></h1>
<p>Version ${escapeHtml(status.version)}, up for ${escapeHtml(uptime)}, egress ${escapeHtml(status.egress)}${status.draining ? ', draining' : ''}.</p>
${table(
  'Checks',
  ['check', 'state', 'detail'],
  checks.map((check) => [check.name, check.ok ? 'ok' : 'failing', check.detail]),
)}
${table(
  'Clients',
  ['state', 'clients', 'meaning'],
  clientStates.map((state) => [state, status.clients[state], clientStateHelp[state]]),
)}
${traffic(shards)}${nat(shards)}${drops(shards)}
<footer>More: <a href="/metrics">metrics</a>, <a href="/readyz">readiness</a>, <a href="/api/v1/status">status as JSON</a>.</footer>
</body></html>
`;
};
