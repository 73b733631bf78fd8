// The NAT's tables as people see them. Never called while packets wait: these functions allocate.

import { Protocol } from '../base/protocol.ts';
import type { Instant } from '../base/time.ts';
import type { NatState } from './nat-state.ts';
import type { MappingView, PoolView, SessionView } from './policy.ts';
import { tcpStateNames } from './tcp-state.ts';

/** Up to `limit` mappings behind the first `offset`, in the order of their rows. */
export const viewMappings = (state: NatState, limit: number, offset: number): MappingView[] => {
  const m = state.mappings;
  const views: MappingView[] = [];
  let skip = offset;
  for (let row = 0; row < m.highWater && views.length < limit; row++) {
    if (!m.isOpen(row) || skip-- > 0) continue;
    views.push({
      protocol: m.protocol(row),
      client: m.client(row),
      internal: { address: m.internalAddress(row), port: m.internalPort(row) },
      external: { address: m.externalAddress(row), port: m.externalPort(row) },
      sessions: m.sessions(row),
    });
  }
  return views;
};

/** Up to `limit` sessions behind the first `offset`, in the order of their rows. */
export const viewSessions = (state: NatState, limit: number, offset: number, now: Instant): SessionView[] => {
  const s = state.sessions;
  const views: SessionView[] = [];
  let skip = offset;
  for (let row = 0; row < s.highWater && views.length < limit; row++) {
    if (!s.isOpen(row) || skip-- > 0) continue;
    views.push({
      protocol: s.protocol(row),
      client: s.client(row),
      internal: { address: s.internalAddress(row), port: s.internalPort(row) },
      external: { address: s.externalAddress(row), port: s.externalPort(row) },
      remote: { address: s.remoteAddress(row), port: s.remotePort(row) },
      state: s.protocol(row) === Protocol.tcp ? tcpStateNames[s.tcpState(row)]! : 'active',
      expiresInSeconds: Math.max(0, (state.expiry.expiresAt(row) - now) / 1000),
    });
  }
  return views;
};

/** Up to `limit` external addresses behind the first `offset`, in the order of the configuration. */
export const viewPools = (state: NatState, limit: number, offset: number): PoolView[] => {
  const views: PoolView[] = [];
  const end = Math.min(state.ports.addresses, offset + limit);
  for (let index = offset; index < end; index++) views.push(state.ports.view(index));
  return views;
};
