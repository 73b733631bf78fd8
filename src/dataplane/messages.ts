// What the control thread and a shard say to each other: plain data over a message port. A shard blocks in poll and has no event
// loop, so the control thread rings a doorbell (a shared word, and an eventfd that ends the poll) and the shard reads its port
// between two batches.

import type { MappingView, SessionView } from '../nat/policy.ts';
import type { ShardSettings } from './settings.ts';

/** What a shard needs to begin; file descriptors are the process's, so they outlive a shard that dies. */
export interface ShardStart {
  readonly settings: ShardSettings;
  readonly sockets: readonly { readonly fd: number; readonly family: 4 | 6; readonly port: number }[];
  readonly tunFd: number;
  readonly wakeupFd: number;
  readonly shared: ShardShared;
}

/** Memory that both threads see. */
export interface ShardShared {
  /** See base/counters.ts. The shard writes. */
  readonly counters: Float64Array;
  /** One word; the control thread sets it to 1 after posting a message, the shard to 0 before reading. */
  readonly doorbell: Int32Array;
  /** Datagrams that the kernel dropped because a socket's buffer was full, one word a socket. The shard writes. */
  readonly receiveDrops: Float64Array;
}

/** How a client looks from the data plane. */
export interface ClientView {
  readonly name: string;
  readonly mux: number;
  /** `address:port` of the underlay, or null before the first authentic datagram. */
  readonly endpoint: string | null;
  /** False while a moved endpoint has yet to answer a challenge. */
  readonly proven: boolean;
  /** Seconds since the last authentic datagram, or null. */
  readonly heardSecondsAgo: number | null;
}

/** One external address's use. */
export interface PoolView {
  readonly address: number;
  /** Ports (or ids) held by mappings and at rest after release, by protocol. */
  readonly used: readonly [udp: number, tcp: number, icmp: number];
  readonly heldDown: readonly [udp: number, tcp: number, icmp: number];
  readonly capacity: number;
}

/** A question that a shard answers between two batches. */
export interface Query {
  readonly table: 'clients' | 'mappings' | 'sessions' | 'pools';
  readonly offset: number;
  readonly limit: number;
}

/** What {@link Query} brings. */
export interface QueryRows {
  readonly clients: readonly ClientView[];
  readonly mappings: readonly MappingView[];
  readonly sessions: readonly SessionView[];
  readonly pools: readonly PoolView[];
}

/** Control thread to shard. */
export type ToShard =
  | { readonly kind: 'apply'; readonly id: number; readonly settings: ShardSettings }
  | { readonly kind: 'query'; readonly id: number; readonly query: Query }
  | { readonly kind: 'senderId'; readonly mux: number; readonly senderId: number }
  | { readonly kind: 'stop' };

/** Shard to control thread. */
export type FromShard =
  | { readonly kind: 'ready' }
  | { readonly kind: 'applied'; readonly id: number }
  | { readonly kind: 'rows'; readonly id: number; readonly rows: readonly unknown[] }
  | { readonly kind: 'needSenderId'; readonly mux: number }
  | { readonly kind: 'stopped' };
