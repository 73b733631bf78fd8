// The NAT's tables as people see them. Never called while packets wait: these functions allocate. A cursor is a row, so that a page
// costs the rows from there on, of which it looks at a bounded number: sparse as a table may be, packets do not wait long.

import { Protocol } from '../base/protocol.ts';
import type { Instant } from '../base/time.ts';
import type { NatState } from './nat-state.ts';
import type { MappingView, PoolView, SessionView, ViewPage } from './policy.ts';
import { tcpStateNames } from './tcp-state.ts';

/** Rows that one page looks at: at 64 octets each 4 MiB, some milliseconds. */
const ROWS_LOOKED_AT = 65_536;

interface Rows {
  readonly highWater: number;
  isOpen(row: number): boolean;
}

const readPage = <View>(table: Rows, limit: number, fromRow: number, show: (row: number) => View): ViewPage<View> => {
  const rows: View[] = [];
  const end = Math.min(table.highWater, fromRow + ROWS_LOOKED_AT);
  let row = fromRow;
  for (; row < end && rows.length < limit; row++) if (table.isOpen(row)) rows.push(show(row));
  return { rows, next: row < table.highWater ? row : null };
};

/** Up to `limit` mappings from row `fromRow` on, in the order of their rows. */
export const viewMappings = ({ mappings: m }: NatState, limit: number, fromRow: number): ViewPage<MappingView> =>
  readPage(m, limit, fromRow, (row) => ({
    protocol: m.protocol(row),
    client: m.client(row),
    internal: { address: m.internalAddress(row), port: m.internalPort(row) },
    external: { address: m.externalAddress(row), port: m.externalPort(row) },
    sessions: m.sessions(row),
  }));

/** Up to `limit` sessions from row `fromRow` on, in the order of their rows. */
export const viewSessions = (
  { sessions: s, expiry }: NatState,
  limit: number,
  fromRow: number,
  now: Instant,
): ViewPage<SessionView> =>
  readPage(s, limit, fromRow, (row) => ({
    protocol: s.protocol(row),
    client: s.client(row),
    internal: { address: s.internalAddress(row), port: s.internalPort(row) },
    external: { address: s.externalAddress(row), port: s.externalPort(row) },
    remote: { address: s.remoteAddress(row), port: s.remotePort(row) },
    state: s.protocol(row) === Protocol.tcp ? tcpStateNames[s.tcpState(row)]! : 'active',
    expiresInSeconds: Math.max(0, (expiry.expiresAt(row) - now) / 1000),
  }));

/** Up to `limit` external addresses from index `from` on, in the order of the configuration. */
export const viewPools = ({ ports }: NatState, limit: number, from: number): ViewPage<PoolView> => {
  const rows: PoolView[] = [];
  let index = from;
  for (; index < ports.addresses && rows.length < limit; index++) rows.push(ports.view(index));
  return { rows, next: index < ports.addresses ? index : null };
};
