// The clients of the file, resolved and checked: each for itself, against each other, and for what would make it insecure.

import type { Duration } from '../base/time.ts';
import type { RestartPolicy } from '../satp/association-spec.ts';
import type { AesBits } from '../satp/crypto.ts';
import { formatPrefix4, type Prefix4 } from '../wire/addr.ts';
import { bitsOf, type ClientKeys, resolveKeys } from './client-keys.ts';
import type { ClientConfig } from './config.ts';
import { parseDuration } from './durations.ts';
import { findOverlaps, parsePrefix, unusable } from './pool.ts';
import type { KeyPath, Report } from './problem.ts';
import type { RawClient } from './raw-config.ts';

/** Tags shorter than this can be forged by trying. */
const SHORT_TAG = 8;

/** A client as far as it could be resolved; `config` is absent if something is wrong with it. */
export interface ResolvedClient {
  readonly path: KeyPath;
  readonly name: string;
  readonly addresses: readonly { readonly prefix: Prefix4; readonly path: KeyPath }[];
  readonly authTagLength: number;
  readonly config?: ClientConfig;
}

const LATER = 'comes later';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const parseRestart = (text: string, path: KeyPath, report: Report): RestartPolicy => {
  if (text === 'challenge' || text === 'strict') return { kind: text };
  const match = /^after-silence\s+(\S+)$/.exec(text.trim());
  const silence = match?.[1] === undefined ? undefined : parseDuration(match[1]);
  if (silence === undefined || silence < 1000) {
    report.error(path, 'must be challenge, strict, or after-silence with a duration of 1s or more: after-silence 60s');
    return { kind: 'challenge' };
  }
  report.warn(
    path,
    'after-silence lets a replay of old datagrams restart the client once it is silent; challenge does not',
  );
  return { kind: 'after-silence', silence: silence as Duration };
};

const parseAddresses = (raw: RawClient, at: KeyPath, report: Report): ResolvedClient['addresses'] => {
  if (raw.addresses.length === 0)
    report.error(
      [...at, 'addresses'],
      'must not be an empty list, or nothing that the client sends is let in; such as [10.99.0.2/32]',
    );
  const found: { prefix: Prefix4; path: KeyPath }[] = [];
  for (const [i, text] of raw.addresses.entries()) {
    const path = [...at, 'addresses', i];
    const prefix = text.includes(':') ? `IPv6 ${LATER}; give IPv4 prefixes only` : parsePrefix(text);
    if (typeof prefix === 'string') report.error(path, prefix);
    else {
      const what = prefix.length === 0 ? undefined : unusable(prefix);
      if (what !== undefined) report.error(path, `no client can have this address (${what})`);
      if (prefix.length === 0) report.error(path, 'a client that owns every address leaves none to be reached');
      found.push({ prefix, path });
    }
  }
  return found;
};

/** Reports everything about a client that lets others read or forge its traffic: an error, unless it is asked for. */
const checkSecurity = (
  raw: RawClient,
  keys: ClientKeys | undefined,
  kdf: AesBits,
  at: KeyPath,
  report: Report,
): void => {
  const insecure = (key: string, what: string): void => {
    if (raw.allowInsecure) report.warn([...at, key], what);
    else
      report.complain(
        [...at, key],
        `${what}; use another value, or set allowInsecure: true on this client if it must be`,
      );
  };
  if (bitsOf(raw.cipher) === 0) insecure('cipher', 'the null cipher hides nothing');
  if (bitsOf(raw.kdf) === 0) insecure('kdf', 'without key derivation every key is zero, so anybody has it');
  if (raw.auth !== 'sha1') insecure('auth', 'without authentication anybody can send as this client');
  else if (raw.authTagLength < SHORT_TAG)
    insecure('authTagLength', `an auth tag under ${SHORT_TAG} octets can be forged by trying`);
  const keySource = raw.keyFile === undefined ? 'key' : 'keyFile';
  if (kdf !== 0 && keys?.masterKey.isZero) insecure(keySource, 'the key is all zero');
};

const resolveClient = (raw: RawClient, at: KeyPath, file: string, report: Report): ResolvedClient => {
  const name = raw.name ?? `client-${raw.mux}`;
  if (!NAME.test(name))
    report.error([...at, 'name'], 'must be 1 to 63 letters, digits, ".", "_" or "-", the first a letter or digit');
  if (raw.device === 'tap') report.error([...at, 'device'], `tap (Ethernet) ${LATER}; only tun is accepted now`);
  const auth = raw.auth === 'sha1' ? 'sha1' : 'null';
  const cipher = bitsOf(raw.cipher);
  // The daemons do without key derivation when there is nothing to use a key for.
  const kdf = cipher === 0 && auth === 'null' ? 0 : bitsOf(raw.kdf);
  const keys = resolveKeys(raw, kdf, at, file, report);
  const restart = parseRestart(raw.restart, [...at, 'restart'], report);
  const addresses = parseAddresses(raw, at, report);
  checkSecurity(raw, keys, kdf, at, report);
  const authTagLength = auth === 'null' ? 0 : raw.authTagLength;
  const resolved = { path: at, name, addresses, authTagLength };
  if (keys === undefined) return resolved;
  const { mux, role, device, allowInsecure } = raw;
  const prefixes = addresses.map((a) => a.prefix);
  const algorithms = { kdf, cipher, auth, authTagLength } as const;
  return {
    ...resolved,
    config: { name, mux, role, ...algorithms, ...keys, device, restart, addresses: prefixes, allowInsecure },
  };
};

/** Reports every value of `pick` that an earlier client has already. */
const checkUnique = <T>(
  clients: readonly ResolvedClient[],
  pick: (client: ResolvedClient) => T | undefined,
  complain: (later: ResolvedClient, earlier: ResolvedClient) => void,
): void => {
  const seen = new Map<T, ResolvedClient>();
  for (const client of clients) {
    const value = pick(client);
    if (value === undefined) continue;
    const earlier = seen.get(value);
    if (earlier === undefined) seen.set(value, client);
    else complain(client, earlier);
  }
};

/** The end of a key, which is the whole of it or what a longer key from the same passphrase has in common with it. */
const fingerprint = (config: ClientConfig | undefined): string | undefined =>
  config === undefined || config.kdf === 0
    ? undefined
    : Buffer.from(config.masterKey.reveal().subarray(-16)).toString('hex');

const checkTogether = (raws: readonly RawClient[], clients: readonly ResolvedClient[], report: Report): void => {
  const rawOf = (client: ResolvedClient): RawClient => raws[client.path[1] as number]!;
  const isSound = (client: ResolvedClient, key: string): boolean => !report.isBroken([...client.path, key]);
  checkUnique(
    clients,
    (c) => (isSound(c, 'name') ? c.name : undefined),
    (later, earlier) =>
      report.error([...later.path, 'name'], `another client is called ${earlier.name} already; names must be unique`),
  );
  checkUnique(
    clients,
    (c) => (isSound(c, 'mux') ? rawOf(c).mux : undefined),
    (later, earlier) =>
      report.error(
        [...later.path, 'mux'],
        `${earlier.name} has mux ${rawOf(earlier).mux} already; give each client its own`,
      ),
  );
  checkUnique(
    clients,
    (c) => fingerprint(c.config),
    (later, earlier) => {
      const what = `${later.name} has the same key as ${earlier.name}, so each can read and forge the other’s traffic`;
      if (later.config?.allowInsecure && earlier.config?.allowInsecure) report.warn(later.path, what);
      else
        report.complain(
          later.path,
          `${what}; give each its own (anygate keygen), or set allowInsecure: true on both if it must be`,
        );
    },
  );
  const prefixes = clients.flatMap((c) => c.addresses.map((a) => ({ ...a, client: c })));
  for (const { first, second } of findOverlaps(prefixes)) {
    const [a, b] = [formatPrefix4(second.prefix), formatPrefix4(first.prefix)];
    if (first.client === second.client)
      report.warn(second.path, `${a} overlaps ${b} of the same client; one of them is enough`);
    else
      report.error(second.path, `${a} overlaps ${b} of ${first.client.name}; no two clients can have the same address`);
  }
};

/** Resolves `clients` of the file. */
export const resolveClients = (raws: readonly RawClient[], file: string, report: Report): readonly ResolvedClient[] => {
  const clients = raws.map((raw, i) => resolveClient(raw, ['clients', i], file, report));
  if (clients.length === 0) report.warn(['clients'], 'there are no clients, so nobody can use this gateway');
  checkTogether(raws, clients, report);
  return clients;
};
