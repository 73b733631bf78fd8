// The shape of anygate.yaml: every key with its type, bounds, default and one sentence of what it means. The loader checks with it,
// docs/config.md is printed from it. What a text value must look like inside (addresses, durations) is for the resolvers to say.

import { type Static, type TSchema, Type } from 'typebox';
import type { RawConfig } from './raw-config.ts';

const AES = ['aes-ctr-128', 'aes-ctr-192', 'aes-ctr-256', 'aes-ctr', 'null'] as const;
const FILTERING = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;

const group = <T extends Record<string, TSchema>>(description: string, properties: T) =>
  Type.Object(properties, { additionalProperties: false, default: {}, description });
const text = (fallback: string, description: string) => Type.String({ default: fallback, description });
const optionalText = (description: string) => Type.Optional(Type.String({ description }));
/** A value that is never shown: `writeOnly` is the word of JSON Schema for it. */
const secretText = (description: string) => Type.Optional(Type.String({ description, writeOnly: true }));
const integer = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description });
const flag = (fallback: boolean, description: string) => Type.Boolean({ default: fallback, description });
const oneOf = <T extends string>(words: readonly T[], fallback: T, description: string) =>
  Type.Unsafe<T>({ enum: [...words], default: fallback, description });

const client = Type.Object(
  {
    name: optionalText('Unique name, for people: letters, digits, `.`, `_` and `-`. Default: `client-MUX`.'),
    mux: integer(0, 65535, 0, 'SATP mux, unique; the client runs with `-m` of the same number.'),
    role: oneOf(['left', 'right'], 'left', 'The gateway’s role; the client has the other (`-e right`).'),
    passphrase: secretText('Secret from which key and salt are derived (`-E`). A file is the better place.'),
    passphraseFile: optionalText(
      'File whose first line is the passphrase. Relative paths start at this file’s directory.',
    ),
    key: secretText('Master key in hex, as long as `kdf` says (`-K`).'),
    salt: secretText('Master salt, 28 hex digits (`-A`). Key or salt, if missing, come from the passphrase.'),
    keyFile: optionalText('File with the lines `key: HEX` and `salt: HEX`, or with just the hex of key and salt.'),
    kdf: oneOf(AES, 'aes-ctr-128', 'Key derivation (`-k`); `null` only with `allowInsecure`.'),
    cipher: oneOf(AES, 'aes-ctr-128', 'Cipher (`-c`); `null` only with `allowInsecure`.'),
    auth: oneOf(['sha1', 'null'], 'sha1', 'Authentication (`-a`); `null` only with `allowInsecure`.'),
    authTagLength: integer(0, 20, 10, 'Octets of the auth tag (`-b`); under 8 only with `allowInsecure`.'),
    device: oneOf(['tun', 'tap'], 'tun', 'What the client’s device carries (`-t`); `tap` comes later.'),
    restart: text(
      'challenge',
      'A client that starts again at sequence 0: `challenge` lets it prove itself by an echo, `strict` refuses it, `after-silence 60s` believes it after that silence.',
    ),
    addresses: Type.Array(Type.String(), {
      description: 'Inner prefixes of the client: what it may send from, and what is routed to it.',
      examples: ['[10.99.0.2/32]'],
    }),
    allowInsecure: flag(
      false,
      'Accepts null algorithms, short tags, all-zero keys and a key shared with another client.',
    ),
  },
  { additionalProperties: false, description: 'A client.' },
);

const rule = Type.Object(
  {
    action: Type.Unsafe<'allow' | 'deny'>({ enum: ['allow', 'deny'] }),
    clients: Type.Optional(Type.Array(Type.String())),
    to: Type.Optional(Type.Array(Type.String())),
    protocol: Type.Optional(Type.Unsafe<'udp' | 'tcp' | 'icmp'>({ enum: ['udp', 'tcp', 'icmp'] })),
    ports: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 65535 }))),
  },
  { additionalProperties: false, description: 'A rule.' },
);

const schema = Type.Object(
  {
    node: group('This gateway.', {
      name: text('gw1', 'Name of this node in logs and answers.'),
      stateDir: text('/var/lib/anygate', 'Directory for what must survive a restart. One gateway at a time.'),
      senderIds: text(
        '1-65535',
        'SATP sender ids that this node may use. Nodes that share keys need disjoint ranges; 0 is what stock daemons use.',
      ),
    }),
    satp: group('The side where clients are.', {
      listen: Type.Array(Type.String(), {
        minItems: 1,
        default: ['0.0.0.0:4444', '[::]:4444'],
        description: 'UDP addresses and ports on which clients are served.',
      }),
      replayWindow: integer(0, 65536, 1024, 'Entries of a client’s replay window, a multiple of 32; 0 turns it off.'),
    }),
    clients: Type.Array(client, {
      description: 'The clients.',
      examples: ['[{ name: alice, mux: 7, keyFile: keys/alice, addresses: [10.99.0.2/32] }]'],
    }),
    relay: group('The side where the Internet is.', {
      address: text('10.99.0.1', 'The gateway’s own inner address; it answers pings.'),
      device: group('The TUN device to the host’s IP stack.', {
        name: text('anygate0', 'Name of the device.'),
        mtu: integer(576, 1590, 1400, 'Octets of the largest inner packet.'),
        driver: oneOf(['native', 'tuntap2'], 'native', '`tuntap2` uses that package, if it is installed.'),
      }),
      pool: Type.Array(Type.String(), {
        description: 'External addresses: addresses, prefixes and ranges (`198.51.100.10-198.51.100.20`).',
        examples: ['[198.51.100.10, 198.51.100.16/29]'],
      }),
      ports: text('1024-65535', 'External ports and ICMP query ids that may be used.'),
      egress: oneOf(
        ['routed', 'shared', 'masquerade'],
        'routed',
        '`routed`: the pool is routed to this host. `shared`: the pool is this host’s own address(es), with a reserved port range. `masquerade`: private pool behind the host’s own nft masquerade.',
      ),
      mapping: oneOf(FILTERING, 'endpoint-independent', 'Mapping behavior (RFC 4787 §4.1); the others come later.'),
      filtering: group('Which remote endpoints may send to a mapping (RFC 4787 §5).', {
        udp: oneOf(FILTERING, 'endpoint-independent', 'For UDP.'),
        tcp: oneOf(FILTERING, 'endpoint-independent', 'For TCP.'),
        icmp: oneOf(FILTERING, 'address-dependent', 'For ICMP echo.'),
      }),
      timeouts: group('After what idle time a session ends.', {
        udp: text('5m', 'UDP (RFC 4787 REQ-5: not under 2m).'),
        tcpEstablished: text('2h4m', 'TCP, established (RFC 5382 REQ-5: not under 2h4m).'),
        tcpTransitory: text('4m', 'TCP, while opening or closing (RFC 5382 REQ-5: not under 4m).'),
        icmp: text('60s', 'ICMP echo (RFC 5508 REQ-2: not under 60s).'),
        portHoldDown: text('120s', 'How long a released external port rests (RFC 6888 REQ-8).'),
      }),
      quota: group('What one client may hold (RFC 6888 REQ-4).', {
        ports: integer(1, 1_000_000, 2048, 'External ports and ICMP ids.'),
        sessions: integer(1, 1_000_000, 8192, 'Sessions.'),
        newSessionsPerSecond: integer(1, 1_000_000, 1000, 'New sessions a second.'),
      }),
    }),
    policy: group('What clients may reach.', {
      allowReserved: flag(false, 'Clients may reach private, documentation and other reserved destinations.'),
      rules: Type.Array(rule, { default: [], description: 'Ordered rules that allow or deny; they come later.' }),
    }),
    http: group('Health, metrics, status page and API.', {
      listen: text('127.0.0.1:9464', 'Address and port, or `unix:/path`.'),
      tokenFile: optionalText(
        'File whose first line is the API’s bearer token; not asked for on loopback and unix sockets.',
      ),
    }),
    log: group('Logs, as JSON lines on standard output.', {
      level: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info', 'The least that is logged.'),
    }),
    workers: Type.Unsafe<number | 'auto'>({
      type: ['integer', 'string'],
      default: 'auto',
      description: 'Shards. `auto` or 1; more than one comes later.',
    }),
  },
  { additionalProperties: false },
);

/** The schema of the file as JSON Schema. Secret values are `writeOnly`. */
export const configSchema: TSchema = schema;

/** What the schema accepts is what {@link RawConfig} says; this does not compile when the two part. */
export const asRawConfig = (value: unknown): RawConfig => value as Static<typeof schema>;
