// What the operator decides about the NAT, resolved to numbers. It crosses thread borders, so it is plain data.

import type { Protocol } from '../base/protocol.ts';
import type { Duration } from '../base/time.ts';
import type { Ip4 } from '../wire/addr.ts';

/** Which remote endpoints may send to a mapping (RFC 4787 §5). */
export type FilteringBehavior = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** A configuration of the NAT. */
export interface NatPolicy {
  /** External addresses, without duplicates. */
  readonly pool: readonly Ip4[];
  /** The external ports, and ICMP query ids, that this NAT may use: both ends included. */
  readonly ports: { readonly low: number; readonly high: number };
  /** Indexed by {@link Protocol}. */
  readonly filtering: readonly [udp: FilteringBehavior, tcp: FilteringBehavior, icmp: FilteringBehavior];
  readonly timeouts: {
    readonly udp: Duration;
    readonly tcpEstablished: Duration;
    readonly tcpTransitory: Duration;
    readonly icmp: Duration;
    readonly portHoldDown: Duration;
  };
  /** Per client. `ports` counts external endpoints of all protocols together. */
  readonly quota: { readonly ports: number; readonly sessions: number; readonly newSessionsPerSecond: number };
  /** Table sizes; fixed for the life of a shard. */
  readonly capacity: { readonly clients: number; readonly mappings: number; readonly sessions: number };
  /** Source address of the ICMP errors that the gateway makes for clients. */
  readonly gatewayAddress: Ip4;
}

/** A part of a table as shown to people; it may be short, even empty, and yet not the last. */
export interface ViewPage<View> {
  readonly rows: readonly View[];
  /** Row at which the next page begins, or null after the last. */
  readonly next: number | null;
}

/** One mapping as shown to people. */
export interface MappingView {
  readonly protocol: Protocol;
  readonly client: number;
  readonly internal: { readonly address: Ip4; readonly port: number };
  readonly external: { readonly address: Ip4; readonly port: number };
  readonly sessions: number;
}

/** One session as shown to people. */
export interface SessionView {
  readonly protocol: Protocol;
  readonly client: number;
  readonly internal: { readonly address: Ip4; readonly port: number };
  readonly external: { readonly address: Ip4; readonly port: number };
  readonly remote: { readonly address: Ip4; readonly port: number };
  /** A TCP state's name; for other protocols `active`. */
  readonly state: string;
  /** Seconds until it expires if nothing more comes. */
  readonly expiresInSeconds: number;
}

/** One external address as shown to people. */
export interface PoolView {
  readonly address: Ip4;
  /** Ports, or query ids, that mappings own. */
  readonly used: readonly [udp: number, tcp: number, icmp: number];
  /** Ports, or query ids, at rest after release. */
  readonly heldDown: readonly [udp: number, tcp: number, icmp: number];
  /** Ports of one protocol. */
  readonly capacity: number;
}
