// What the control thread and a shard say to each other: plain data over a message port. A shard blocks in poll and has no event
// loop, so the control thread rings a doorbell (a shared word, and an eventfd that ends the poll) and the shard reads its port
// between two batches.

import type { MessagePort } from 'node:worker_threads';
import type { ClientStateName } from '../base/counters.ts';
import type { Family } from '../io/socket-address.ts';
import type { MappingView, PoolView, SessionView } from '../nat/policy.ts';
import type { LineStore } from '../satp/line-store.ts';
import type { ShardSettings } from './settings.ts';

/** What a shard needs to begin; file descriptors are the process's, so they outlive a shard that dies. */
export interface ShardStart {
  readonly settings: ShardSettings;
  readonly sockets: readonly { readonly fd: number; readonly family: Family }[];
  readonly tunFd: number;
  readonly wakeupFd: number;
  readonly shared: ShardShared;
  /** The shard's end of the message channel. */
  readonly port: MessagePort;
}

/** Memory that both threads see. */
export interface ShardShared {
  /** See base/counters.ts. The shard writes. */
  readonly counters: Float64Array;
  /** One word; the control thread sets it to 1 after posting a message, the shard to 0 before reading. */
  readonly doorbell: Int32Array;
  /** What is remembered of the clients' numbers, across shards. The shard writes. */
  readonly lines: LineStore;
}

/** How a client looks from the data plane. */
export interface ClientView {
  readonly name: string;
  readonly mux: number;
  /** `address:port` of the underlay, or null before the first authentic datagram. */
  readonly endpoint: string | null;
  readonly state: ClientStateName;
  /** Seconds since the last authentic datagram, or null. */
  readonly heardSecondsAgo: number | null;
}

/** Which part of which table: at most `limit` rows from `cursor` on, which is 0 or what the page before said. */
export interface Query {
  readonly table: keyof TableRows;
  readonly cursor: number;
  readonly limit: number;
}

/** The rows of each table. */
export interface TableRows {
  readonly clients: ClientView;
  readonly mappings: MappingView;
  readonly sessions: SessionView;
  readonly pools: PoolView;
}

/** A part of a table. */
export interface TablePage<Row> {
  readonly rows: readonly Row[];
  /** Cursor of the next page, or null after the last. */
  readonly next: number | null;
  /** Names of the clients that the rows mention by number. */
  readonly names: ReadonlyMap<number, string>;
}

/** Control thread to shard. */
export type ToShard =
  | { readonly kind: 'apply'; readonly id: number; readonly settings: ShardSettings }
  | { readonly kind: 'reset'; readonly id: number; readonly mux: number }
  | { readonly kind: 'query'; readonly id: number; readonly query: Query }
  | { readonly kind: 'senderId'; readonly mux: number; readonly senderId: number }
  | { readonly kind: 'stop' };

/** Shard to control thread. */
export type FromShard =
  | { readonly kind: 'ready' }
  /** To `apply` and `reset`. */
  | { readonly kind: 'applied'; readonly id: number }
  | { readonly kind: 'page'; readonly id: number; readonly page: TablePage<TableRows[keyof TableRows]> }
  | { readonly kind: 'needSenderId'; readonly mux: number };
