// A change of policy while the NAT runs: what still has its external endpoint stays as it is, the rest is closed. Table sizes are for
// life, so `capacity` is not looked at.

import type { Protocol } from '../base/protocol.ts';
import type { Random } from '../base/random.ts';
import type { Instant } from '../base/time.ts';
import type { NatState } from './nat-state.ts';
import type { NatPolicy } from './policy.ts';
import { NO_ADDRESS, PortPool } from './port-pool.ts';

/** Makes `policy` the one that `state` works by. Quotas that shrink below what a client has close nothing. */
export const changePolicy = (state: NatState, policy: NatPolicy, random: Random, now: Instant): void => {
  state.policy = { ...policy, capacity: state.policy.capacity };
  state.expiry.adjust(policy.timeouts);
  state.clients.newSessions.adjust(policy.quota.newSessionsPerSecond, policy.quota.newSessionsPerSecond);
  state.ports.adjustHoldDown(policy.timeouts.portHoldDown);
  if (!state.ports.isMadeOf(policy.pool, policy.ports)) changePool(state, policy, random, now);
  state.refilter();
  state.settle();
};

const changePool = (state: NatState, policy: NatPolicy, random: Random, now: Instant): void => {
  const { mappings, sessions } = state;
  const before = state.ports;
  const pool = new PortPool(policy.pool, policy.ports, policy.timeouts.portHoldDown, random);
  for (let row = 0; row < mappings.highWater; row++) {
    if (!mappings.isOpen(row)) continue;
    const index = pool.indexOf(mappings.externalAddress(row));
    const port = mappings.externalPort(row);
    const protocol: Protocol = mappings.protocol(row);
    if (index === NO_ADDRESS || !pool.claim(index, protocol, port)) {
      state.closeMapping(row, now);
      continue;
    }
    pool.assign(index, protocol, port, row);
  }
  // Only now: closing a mapping gives its port back to the pool that it came from.
  for (let row = 0; row < mappings.highWater; row++) {
    if (mappings.isOpen(row)) mappings.moveAddressIndex(row, pool.indexOf(mappings.externalAddress(row)));
  }
  pool.adoptHeld(before);
  state.clients.repair(before, pool);
  state.ports = pool;
  for (let row = 0; row < sessions.highWater; row++) {
    if (sessions.isOpen(row)) sessions.setHairpin(row, pool.indexOf(sessions.remoteAddress(row)) !== NO_ADDRESS);
  }
};
