// Configurations for tests: a client is described once, and becomes both an entry of the gateway's file and the daemon's options.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ClientOptions } from './client.ts';
import type { RunningGateway } from './gateway.ts';
import type { Lab } from './lab.ts';
import { type ClientBox, INNER } from './topology.ts';

/** What a client and the gateway agree on. What is absent is left to both sides' defaults. */
export interface Agreement {
  readonly name: string;
  readonly box: ClientBox;
  readonly mux: number;
  readonly passphrase?: string;
  /** Hex. */
  readonly key?: string;
  readonly salt?: string;
  readonly cipher?: string;
  readonly kdf?: string;
  /** Octets of the auth tag. */
  readonly tag?: number;
  /** The gateway's `restart` for this client. */
  readonly restart?: string;
  /** Replaces the inner address of the client's box. */
  readonly inner?: string;
}

/** A partial configuration of the shape of anygate.yaml. */
export type ConfigPatch = { readonly [key: string]: unknown };

const isGroup = (value: unknown): value is ConfigPatch =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const merge = (base: ConfigPatch, patch: ConfigPatch): ConfigPatch => {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const old = merged[key];
    merged[key] = isGroup(old) && isGroup(value) ? merge(old, value) : value;
  }
  return merged;
};

const present = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** The agreement with a passphrase of its own, if it has no other key. */
export const agreement = (fields: Agreement): Agreement =>
  fields.passphrase === undefined && fields.key === undefined
    ? { ...fields, passphrase: randomBytes(24).toString('hex') }
    : fields;

const entry = (a: Agreement): Record<string, unknown> =>
  present({
    name: a.name,
    mux: a.mux,
    passphraseFile: a.passphrase === undefined ? undefined : `keys/${a.name}`,
    key: a.key,
    salt: a.salt,
    cipher: a.cipher,
    kdf: a.kdf,
    authTagLength: a.tag,
    restart: a.restart,
    addresses: [`${a.inner ?? INNER[a.box]}/32`],
  });

/** The gateway's file for these clients in `lab`, and the files beside it. */
export const gatewayFiles = (
  lab: Lab,
  clients: readonly Agreement[],
  patch: ConfigPatch = {},
): { yaml: string; files: Record<string, string> } => {
  const base = {
    node: { name: 'lab', stateDir: join(lab.dir, 'state') },
    clients: clients.map(entry),
    relay: { address: INNER.gw, pool: ['198.51.100.10', '198.51.100.16/29'] },
    // Third parties have documentation addresses here.
    policy: { allowReserved: true },
  };
  const files: Record<string, string> = {};
  for (const { name, passphrase } of clients) if (passphrase !== undefined) files[`keys/${name}`] = `${passphrase}\n`;
  return { yaml: `${JSON.stringify(merge(base, patch), null, 2)}\n`, files };
};

/** Starts the gateway for these clients. */
export const startGateway = (lab: Lab, clients: readonly Agreement[], patch?: ConfigPatch): Promise<RunningGateway> => {
  const { yaml, files } = gatewayFiles(lab, clients, patch);
  return lab.startGateway(yaml, { files });
};

/** The daemon's options for an agreement. */
export const clientOptions = (a: Agreement): ClientOptions => ({
  box: a.box,
  mux: a.mux,
  ...(present({
    passphrase: a.passphrase,
    key: a.key,
    salt: a.salt,
    cipher: a.cipher,
    kdf: a.kdf,
    tag: a.tag,
    innerAddress: a.inner,
  }) as Partial<ClientOptions>),
});

/** How much each series grew from `before` to `after`; those that did not change are left out. */
export const growth = (
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Map<string, number> => {
  const grown = new Map<string, number>();
  for (const [series, value] of after) {
    const by = value - (before.get(series) ?? 0);
    if (by !== 0) grown.set(series, by);
  }
  return grown;
};

/** The sum of all series of the family `name`, such as `anygate_dropped_packets_total`, whose labels contain `label`. */
export const total = (metrics: ReadonlyMap<string, number>, name: string, label = ''): number => {
  let sum = 0;
  for (const [series, value] of metrics) {
    if ((series === name || series.startsWith(`${name}{`)) && series.includes(label)) sum += value;
  }
  return sum;
};

/** Packets dropped for `reason`, in either direction. */
export const dropped = (metrics: ReadonlyMap<string, number>, reason: string): number =>
  total(metrics, 'anygate_dropped_packets_total', `reason="${reason}"`);
