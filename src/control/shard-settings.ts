// What the shards are told of a configuration: the same facts as plain numbers and octets, without the rest.

import { createHash } from 'node:crypto';
import type { ClientSpec, ShardSettings } from '../dataplane/settings.ts';
import type { NatPolicy } from '../nat/policy.ts';
import { isSameAssociation } from '../satp/association-spec.ts';
import { Role } from '../satp/crypto.ts';
import { contains, type Ip4 } from '../wire/addr.ts';
import type { ClientConfig, Config, RelayConfig } from './config.ts';

/** Rows of a shard's tables. Memory that no row needs is never touched, so these are bounds, not reservations. */
export const CAPACITY = { clients: 65_536, mappings: 1_048_576, sessions: 1_048_576 } as const;

/** What a configuration does not say. */
export interface ShardContext {
  /** A sender id that was never used with any of the keys. */
  readonly senderId: number;
  /** The host's own addresses. */
  readonly hostAddresses: readonly Ip4[];
}

/** A challenge needs one address to go to; a prefix of several does not say which of them answers. */
const innerAddressOf = (client: ClientConfig): Ip4 | 0 => client.addresses.find((p) => p.length === 32)?.address ?? 0;

/** 48 bits of a hash: enough to tell keys apart, and nothing to find them by. */
const identityOf = ({ masterKey, masterSalt, kdf, role }: ClientConfig): number => {
  const hash = createHash('sha256')
    .update(`anygate ${kdf} ${role} `)
    .update(masterKey.reveal())
    .update(masterSalt.reveal());
  return hash.digest().readUIntBE(0, 6) || 1;
};

const clientSpec = (client: ClientConfig): ClientSpec => ({
  association: {
    name: client.name,
    mux: client.mux,
    device: client.device,
    keys: {
      cipher: client.cipher,
      kdf: client.kdf,
      auth: client.auth,
      tagLength: client.authTagLength,
      role: Role[client.role],
      masterKey: client.masterKey.reveal(),
      masterSalt: client.masterSalt.reveal(),
    },
    identity: identityOf(client),
    restart: client.restart,
    innerAddress: innerAddressOf(client),
  },
  prefixes: client.addresses,
});

const natPolicy = (relay: RelayConfig): NatPolicy => ({
  pool: relay.addresses,
  ports: relay.ports,
  filtering: [relay.filtering.udp, relay.filtering.tcp, relay.filtering.icmp],
  timeouts: relay.timeouts,
  quota: relay.quota,
  capacity: CAPACITY,
  gatewayAddress: relay.address,
});

/** The settings of a shard under `config`. They hold the keys in the open: hand them to the shard and to nobody else. */
export const shardSettings = (config: Config, { senderId, hostAddresses }: ShardContext): ShardSettings => ({
  clients: config.clients.map(clientSpec),
  senderId,
  replayWindow: config.satp.replayWindow,
  nat: natPolicy(config.relay),
  policy: {
    allowReserved: config.policy.allowReserved,
    hostAddresses: hostAddresses.filter((address) => !config.relay.pool.some((p) => contains(p, address))),
  },
});

/**
 * Whether a shard under `former` that takes up `next` would begin an association, which counts from 0 and so must have a sender id
 * that was never used with its keys.
 */
export const beginsAssociation = (former: ShardSettings, next: ShardSettings): boolean => {
  const byMux = new Map(former.clients.map(({ association }) => [association.mux, association]));
  return next.clients.some(({ association }) => {
    const before = byMux.get(association.mux);
    return before === undefined || !isSameAssociation(before, association);
  });
};
