// From what a shard answers to what the API shows: numbers to text, a client's row to its name.

import { protocolNames } from '../base/protocol.ts';
import type { MappingView, PoolView, SessionView } from '../nat/policy.ts';
import { formatIp4, type Ip4, ip4 } from '../wire/addr.ts';
import type { MappingRow, PoolRow, SessionRow } from './gateway-control.ts';

/** The name of the client in a row; `null` for one that is gone meanwhile. */
export type ClientNames = (row: number) => string | null;

const formatEndpoint = (e: { readonly address: Ip4; readonly port: number }): string =>
  `${formatIp4(e.address)}:${e.port}`;

/** A mapping as the API shows it. */
export const showMapping = (view: MappingView, nameOf: ClientNames): MappingRow => ({
  protocol: protocolNames[view.protocol],
  client: nameOf(view.client) ?? '',
  internal: formatEndpoint(view.internal),
  external: formatEndpoint(view.external),
  sessions: view.sessions,
});

/** A session as the API shows it. */
export const showSession = (view: SessionView, nameOf: ClientNames): SessionRow => ({
  protocol: protocolNames[view.protocol],
  client: nameOf(view.client) ?? '',
  internal: formatEndpoint(view.internal),
  external: formatEndpoint(view.external),
  remote: formatEndpoint(view.remote),
  state: view.state,
  expiresInSeconds: view.expiresInSeconds,
});

const byProtocol = (values: readonly number[]): Readonly<Record<string, number>> =>
  Object.fromEntries(protocolNames.map((name, i) => [name, values[i] ?? 0]));

/** An external address as the API shows it. */
export const showPool = (view: PoolView): PoolRow => ({
  address: formatIp4(ip4(view.address)),
  capacity: view.capacity,
  used: byProtocol(view.used),
  heldDown: byProtocol(view.heldDown),
});
