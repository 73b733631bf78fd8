// What the HTTP side may ask of the gateway, and nothing else of it is known there. `Gateway` implements it; tests of the HTTP side have
// a fake. Nothing in here is a secret.

import type { ClientStateName, Counters } from '../base/counters.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Problem } from './problem.ts';

/** What the gateway needs in order to carry packets; each is a check of `/readyz` and a series of `health_check_up`. */
export const checkHelp = {
  shards: 'Every shard runs.',
  sockets: 'The UDP sockets of satp.listen are open.',
  device: 'The TUN device is up.',
  host: 'Addresses, routes and rules of the host are as the gateway set them up.',
  state: 'The state directory can be written.',
  accepting: 'The gateway is not draining and not stopping.',
} as const;
export type CheckName = keyof typeof checkHelp;
/** Names of all checks. */
export const checkNames: readonly CheckName[] = Object.keys(checkHelp) as CheckName[];

/** How one check stands. */
export interface Check {
  readonly name: CheckName;
  readonly ok: boolean;
  /** For people: what was found. */
  readonly detail: string;
}

/** What a client of the configuration can be; each is in exactly one state. */
export const clientStateHelp: Readonly<Record<ClientStateName, string>> = {
  connected: 'something authentic came within three minutes',
  unproven: 'likewise, from an endpoint that has yet to be proven by a challenge',
  unheard: 'nothing authentic came for three minutes, or ever',
};
/** Names of all states. */
export const clientStates: readonly ClientStateName[] = Object.keys(clientStateHelp) as ClientStateName[];

/** Results of `config_reloads_total`. */
export const reloadResults = ['success', 'failure'] as const;

/** Numbers that are not in the shards' counters. Cheap to get; asked for at every scrape. */
export interface Vitals {
  /** Seconds since 1970. */
  readonly startTimeSeconds: number;
  readonly draining: boolean;
  readonly clients: Readonly<Record<ClientStateName, number>>;
  /** Datagrams that the kernel dropped because the socket's buffer was full, one entry a `satp.listen`, in its order. */
  readonly socketReceiveDrops: readonly number[];
  readonly shardRestarts: number;
  readonly reloads: Readonly<Record<(typeof reloadResults)[number], number>>;
  /** Seconds since 1970; the start counts as a reload. */
  readonly lastReloadSuccessSeconds: number;
}

/** The gateway at a glance. */
export interface GatewayStatus {
  readonly node: string;
  readonly version: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly draining: boolean;
  readonly shards: number;
  readonly listen: readonly string[];
  readonly egress: string;
  readonly clients: Readonly<Record<ClientStateName, number>>;
}

/** A client. */
export interface ClientRow {
  readonly name: string;
  readonly mux: number;
  readonly state: ClientStateName;
  /** Of the underlay, as `address:port`. */
  readonly endpoint: string | null;
  readonly heardSecondsAgo: number | null;
  /** Inner prefixes. */
  readonly addresses: readonly string[];
}

/** A NAT mapping; endpoints are `address:port`. */
export interface MappingRow {
  readonly protocol: string;
  readonly client: string;
  readonly internal: string;
  readonly external: string;
  readonly sessions: number;
}

/** A NAT session; endpoints are `address:port`. */
export interface SessionRow extends Omit<MappingRow, 'sessions'> {
  readonly remote: string;
  readonly state: string;
  readonly expiresInSeconds: number;
}

/** One external address. */
export interface PoolRow {
  readonly address: string;
  /** Ports, or ICMP ids, of each protocol. */
  readonly capacity: number;
  readonly used: Readonly<Record<string, number>>;
  readonly heldDown: Readonly<Record<string, number>>;
}

/** A part of a table. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Cursor of the next page, or null after the last. Rows that come or go meanwhile may be missed or seen twice. */
  readonly next: number | null;
}

/** Which part of a table: at most `limit` rows from `cursor` on, which is 0 or what the page before said. */
export interface PageQuery {
  readonly cursor: number;
  readonly limit: number;
}

/** What came of a reload: all of the new file is in force, or nothing of it. */
export type ReloadResult =
  | { readonly applied: true; readonly warnings: readonly Problem[] }
  | {
      readonly applied: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly problems: readonly Problem[];
    };

/** The gateway, as seen from HTTP. A method that returns a promise may reject with a GatewayError, such as while a shard is down. */
export interface GatewayControl {
  status(): GatewayStatus;
  /** One entry for each of {@link checkNames}. */
  health(): readonly Check[];
  vitals(): Vitals;
  /** The counters of each shard; the same shard stays at the same index. */
  counters(): readonly Counters[];
  clients(query: PageQuery): Promise<Page<ClientRow>>;
  mappings(query: PageQuery): Promise<Page<MappingRow>>;
  sessions(query: PageQuery): Promise<Page<SessionRow>>;
  pools(query: PageQuery): Promise<Page<PoolRow>>;
  /** Reads the configuration file again. Rejects only when the machine fails on the way. */
  reload(): Promise<ReloadResult>;
  /**
   * Forgets what was received from the client called `name`, so that its next authentic datagram is taken for its first, even if
   * somebody recorded it. False if there is no such client.
   */
  resetClient(name: string): Promise<boolean>;
}
