// The setting of the demonstration: a client, a gateway and a third party, joined. There are two, real namespaces and memory, and the
// story told on them is the same.

import type { PingResult } from './icmp.ts';
import type { Sighting } from './sighting.ts';

/** Addresses and names of the demonstration; the prefixes are those reserved for documentation. */
export const Address = {
  client: '192.0.2.2',
  gateway: '192.0.2.1',
  gatewayOutside: '203.0.113.1',
  thirdParty: '203.0.113.7',
  pool: '198.51.100.10',
  innerGateway: '10.99.0.1',
  innerClient: '10.99.0.2',
} as const;
/** The SATP mux of the demonstration's client. */
export const MUX = 7;
/** The UDP port on which the gateway serves. */
export const SATP_PORT = 4444;
/** Name of the client's TUN device. */
export const CLIENT_DEVICE = 'sat0';

/** A row of the NAT table, as people read it. */
export interface MappingRow {
  readonly protocol: 'icmp' | 'udp' | 'tcp';
  /** `address:port`. */
  readonly internal: string;
  readonly external: string;
  readonly sessions: number;
}

/** Something to be done before packets flow. */
export interface Preparation {
  readonly title: string;
  /** Does it, and says in lines what there is now. */
  run(): Promise<readonly string[]>;
}

/** A setting that has been chosen. */
export interface World {
  readonly kind: 'namespaces' | 'memory';
  /** What this run is made of, in sentences; the first line is the title's. */
  readonly introduction: readonly string[];
  readonly preparations: readonly Preparation[];
  /** Pings `address` three times from the client. */
  ping(address: string): Promise<PingResult>;
  /** Sends `text` from the client to the third party by UDP; the answer, if one comes. */
  askByUdp(text: string): Promise<string | null>;
  /** Asks the third party for `/` from the client by HTTP. */
  askByHttp(): Promise<{ readonly status: number; readonly body: string }>;
  /** Whom the third party has heard from. */
  sightings(): readonly Sighting[];
  mappings(): Promise<readonly MappingRow[]>;
  /** The gateway's series by name with labels, as Prometheus gets them. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Lines on how to go on by oneself while the setting stands. */
  readonly doors: readonly string[];
  /** Ends everything that {@link preparations} began, also if one of them failed half way. */
  close(): Promise<void>;
}
