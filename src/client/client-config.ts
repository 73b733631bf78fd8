// The client's configuration, a small JSON file: whom to reach, with which keys, under which inner address. It holds the key, so it
// must be its owner's alone. Every problem is reported with its key, all at once; the secrets never are.

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import { type AesBits, type AssociationKeys, Role } from '../satp/crypto.ts';
import { type Ip4, parseIp4 } from '../wire/addr.ts';

/** Octets of a master salt. */
const SALT_LENGTH = 14;
const GROUP_AND_OTHERS = 0o077;

/** A client as configured. */
export interface ClientConfig {
  /** The gateway's underlay address, a literal without brackets, and port. */
  readonly gateway: { readonly address: string; readonly port: number };
  /** Port of this host that datagrams leave from; 0 is any. */
  readonly port: number;
  readonly mux: number;
  readonly keys: AssociationKeys;
  /** Entries of the replay window, a multiple of 32; 0 turns it off. */
  readonly replayWindow: number;
  /** Directory of the record of used sender ids. */
  readonly stateDir: string;
  readonly device: {
    readonly name: string;
    readonly mtu: number;
    /** The client's inner address with the prefix length of the tunnel's network, as text. */
    readonly cidr: string;
    readonly address: Ip4;
  };
}

/** Reads values from a JSON object and collects what is wrong with them. */
class Reader {
  readonly problems: string[];
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #seen = new Set<string>();

  constructor(object: Readonly<Record<string, unknown>>, path: string, problems: string[]) {
    this.#object = object;
    this.#path = path;
    this.problems = problems;
  }

  /** A text that `parse` understands; `expected` says what that is. */
  text<T>(key: string, expected: string, parse: (text: string) => T | undefined, fallback?: string): T | undefined {
    const value = this.#take(key, fallback);
    const parsed = typeof value === 'string' ? parse(value) : undefined;
    if (parsed === undefined) this.#complain(key, expected);
    return parsed;
  }

  integer(key: string, low: number, high: number, fallback?: number): number {
    const value = this.#take(key, fallback);
    if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return value as number;
    this.#complain(key, `an integer from ${low} to ${high}`);
    return low;
  }

  group(key: string): Reader {
    const value = this.#take(key, undefined);
    if (isRecord(value)) return new Reader(value, `${this.#path}${key}.`, this.problems);
    this.#complain(key, 'an object');
    return new Reader({}, '', []);
  }

  /** Complains of keys that nobody asked for. */
  finish(): void {
    for (const key of Object.keys(this.#object)) {
      if (!this.#seen.has(key))
        this.problems.push(`${this.#path}${key} is unknown; remove it, or correct its spelling`);
    }
  }

  #take(key: string, fallback: unknown): unknown {
    this.#seen.add(key);
    return Object.hasOwn(this.#object, key) ? this.#object[key] : fallback;
  }

  #complain(key: string, expected: string): void {
    const state = Object.hasOwn(this.#object, key) ? 'must be' : 'is missing; it is';
    this.problems.push(`${this.#path}${key} ${state} ${expected}`);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const parseGateway = (text: string): ClientConfig['gateway'] | undefined => {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match !== null && port >= 1 && port <= 65535 ? { address: match[1] ?? match[2]!, port } : undefined;
};

const parseBits = (text: string): AesBits | undefined => {
  const bits = Number(/^aes-ctr-(128|192|256)$/.exec(text)?.[1] ?? 0);
  return bits === 0 ? undefined : (bits as AesBits);
};

const parseHex =
  (octets: number) =>
  (text: string): Uint8Array | undefined =>
    text.length === octets * 2 && /^[0-9a-f]*$/i.test(text) ? Uint8Array.from(Buffer.from(text, 'hex')) : undefined;

const parseCidr = (text: string): { readonly cidr: string; readonly address: Ip4 } | undefined => {
  const match = /^([^/]+)\/(\d{1,2})$/.exec(text);
  const address = parseIp4(match?.[1] ?? '');
  return address !== undefined && Number(match?.[2]) <= 32 ? { cidr: text, address } : undefined;
};

const AES = '"aes-ctr-128", "aes-ctr-192" or "aes-ctr-256"';
const NO_KEY = new Uint8Array(0);

const readKeys = (root: Reader): AssociationKeys => {
  const kdf = root.text('kdf', AES, parseBits, 'aes-ctr-128') ?? 128;
  const role = (text: string): Role | undefined => (text === 'left' || text === 'right' ? Role[text] : undefined);
  return {
    kdf,
    cipher: root.text('cipher', AES, parseBits, 'aes-ctr-128') ?? 128,
    auth: 'sha1',
    tagLength: root.integer('authTagLength', 8, 20, 10),
    role: root.text('role', '"left" or "right", the other one than the gateway’s', role, 'right') ?? Role.right,
    masterKey: root.text('key', `${kdf / 4} hex digits, as kdf says`, parseHex(kdf / 8)) ?? NO_KEY,
    masterSalt: root.text('salt', `${SALT_LENGTH * 2} hex digits`, parseHex(SALT_LENGTH)) ?? NO_KEY,
  };
};

const fail = (file: string, problems: readonly string[], cause?: unknown): never => {
  throw new GatewayError('ERR_CONFIG', problems.map((problem) => `${file}: ${problem}`).join('\n'), { cause });
};

const parseJson = (text: string, file: string): Readonly<Record<string, unknown>> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message may quote the file, and so the key.
    return fail(file, ['is not JSON']);
  }
  return isRecord(value) ? value : fail(file, ['must hold one JSON object']);
};

/** Reads the content of a configuration file. @throws {GatewayError} ERR_CONFIG with every problem, one a line. */
export const parseClientConfig = (text: string, file: string): ClientConfig => {
  const problems: string[] = [];
  const root = new Reader(parseJson(text, file), '', problems);
  const device = root.group('device');
  const gateway = root.text('gateway', 'an address and a port, as 192.0.2.1:4444 or [2001:db8::1]:4444', parseGateway);
  const port = root.integer('port', 0, 65535, 0);
  const mux = root.integer('mux', 0, 65535);
  const keys = readKeys(root);
  const replayWindow = root.integer('replayWindow', 0, 65536, 1024);
  const stateDir = root.text('stateDir', 'a directory', (t) => (t === '' ? undefined : resolve(file, '..', t)));
  const name = device.text('name', 'an interface name', (t) => (/^[^\s/%]{1,15}$/.test(t) ? t : undefined), 'anygate0');
  const mtu = device.integer('mtu', 576, 1590, 1400);
  const inner = device.text('address', 'an address with a prefix length, as 10.99.0.2/24', parseCidr);
  root.finish();
  device.finish();
  if (replayWindow % 32 !== 0) problems.push('replayWindow must be a multiple of 32');
  if (problems.length > 0 || !gateway || !stateDir || !name || !inner) return fail(file, problems);
  return { gateway, port, mux, keys, replayWindow, stateDir, device: { name, mtu, ...inner } };
};

/** Reads a configuration file, which nobody but its owner may use. @throws {GatewayError} ERR_CONFIG */
export const loadClientConfig = (file: string): ClientConfig => {
  let text: string;
  let mode: number;
  try {
    mode = statSync(file).mode;
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return fail(file, [`cannot be read (${(error as NodeJS.ErrnoException).code})`], error);
  }
  if ((mode & GROUP_AND_OTHERS) !== 0) {
    return fail(file, ['others than its owner may use the file, which holds a key; chmod 600 it']);
  }
  return parseClientConfig(text, file);
};
