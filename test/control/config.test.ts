import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../src/base/errors.ts';
import { examineText, loadConfig } from '../../src/control/config.ts';
import { formatIp4, formatPrefix4 } from '../../src/wire/addr.ts';
import { accept, COMPLETE, client, MINIMAL, RELAY, refuse, told } from './configs.ts';

const directory = mkdtempSync(join(tmpdir(), 'anygate-config-'));
after(() => rmSync(directory, { recursive: true }));

test('the least configuration has the published defaults', () => {
  const config = accept(MINIMAL);
  assert.deepEqual(config.node, { name: 'gw1', stateDir: '/var/lib/anygate', senderIds: { low: 1, high: 65535 } });
  assert.deepEqual(
    config.satp.listen.map((l) => `${l.address} ${l.port}`),
    ['0.0.0.0 4444', ':: 4444'],
  );
  assert.equal(config.satp.replayWindow, 1024);
  const [alice] = config.clients;
  assert.deepEqual(
    [alice!.role, alice!.kdf, alice!.cipher, alice!.auth, alice!.authTagLength, alice!.device, alice!.restart.kind],
    ['left', 128, 128, 'sha1', 10, 'tun', 'challenge'],
  );
  const { relay } = config;
  assert.equal(formatIp4(relay.address), '10.99.0.1');
  assert.deepEqual(relay.device, { name: 'anygate0', mtu: 1400, driver: 'native' });
  assert.deepEqual(relay.ports, { low: 1024, high: 65535 });
  assert.equal(relay.egress, 'routed');
  assert.deepEqual(relay.filtering, {
    udp: 'endpoint-independent',
    tcp: 'endpoint-independent',
    icmp: 'address-dependent',
  });
  assert.deepEqual(relay.timeouts, {
    udp: 300_000,
    tcpEstablished: 7_440_000,
    tcpTransitory: 240_000,
    icmp: 60_000,
    portHoldDown: 120_000,
  });
  assert.deepEqual(relay.quota, { ports: 2048, sessions: 8192, newSessionsPerSecond: 1000 });
  assert.equal(config.policy.allowReserved, false);
  assert.deepEqual(config.http, {
    listen: { kind: 'tcp', isLoopback: true, family: 4, address: '127.0.0.1', port: 9464 },
  });
  assert.deepEqual([config.log.level, config.workers], ['info', 1]);
});

test('every published key is taken up', () => {
  const config = accept(COMPLETE);
  assert.deepEqual(config.node, { name: 'gw7', stateDir: '/var/lib/other', senderIds: { low: 100, high: 199 } });
  const [alice, bob] = config.clients;
  assert.deepEqual([alice!.role, alice!.kdf, alice!.cipher, alice!.authTagLength], ['right', 128, 256, 12]);
  assert.deepEqual(alice!.restart, { kind: 'after-silence', silence: 60_000 });
  assert.deepEqual(alice!.addresses.map(formatPrefix4), ['10.99.0.2/32', '10.99.8.0/24']);
  assert.deepEqual([bob!.mux, bob!.kdf, bob!.masterKey.length, bob!.restart.kind], [65535, 192, 24, 'strict']);
  const { relay } = config;
  assert.deepEqual(relay.device, { name: 'relay0', mtu: 1300, driver: 'tuntap2' });
  assert.equal(relay.addresses.length, 1 + 8 + 4);
  assert.deepEqual(relay.filtering, {
    udp: 'address-dependent',
    tcp: 'address-and-port-dependent',
    icmp: 'endpoint-independent',
  });
  assert.deepEqual(relay.timeouts.portHoldDown, 0);
  assert.equal(relay.egress, 'masquerade');
  assert.equal(config.policy.allowReserved, true);
  assert.deepEqual(config.http.listen, { kind: 'unix', path: '/run/anygate.sock' });
});

test('the configuration is frozen all the way down', () => {
  const { config } = examineText(COMPLETE, '/x.yaml');
  const visit = (value: unknown, path: string): void => {
    if (value === null || typeof value !== 'object') return;
    assert.ok(Object.isFrozen(value), path);
    for (const [key, item] of Object.entries(value)) visit(item, `${path}.${key}`);
  };
  visit(config, 'config');
});

test('an unknown key is named with its line and the nearest known key', () => {
  const text = told(
    refuse(`node:
  nmae: x
  state_dir: /x
relay:
  pool: [198.51.100.10]
  devise: { name: x }
  quota: { session: 1 }
  listen: x
client: []
${client(', adresses: []')}`),
  );
  assert.match(text, /^2 error node\.nmae: .*nearest known key is name$/m);
  assert.match(text, /^3 error node\.state_dir: .*nearest known key is stateDir$/m);
  assert.match(text, /^6 error relay\.devise: .*nearest known key is device$/m);
  assert.match(text, /^7 error relay\.quota\.session: .*nearest known key is sessions$/m);
  assert.match(text, /^8 error relay\.listen: .*nearest known key is satp\.listen or http\.listen$/m);
  assert.match(text, /^9 error client: .*nearest known key is clients$/m);
  assert.match(text, /^10 error clients\[0\]\.adresses: .*nearest known key is addresses$/m);
});

test('all problems come at once, in the order of their lines', () => {
  const problems = refuse(`satp: { listen: ["nonsense"], replayWindow: 33 }
clients:
  - { name: a, mux: 70000, key: 00, salt: zz, addresses: [10.0.0.1/8] }
  - { name: a, mux: 1, addresses: [] }
relay:
  pool: []
  ports: 0-80
  timeouts: { udp: 300, icmp: 5 minutes }
log: { level: verbose }
workers: 0
`);
  const text = told(problems);
  for (const path of [
    'satp.listen[0]',
    'satp.replayWindow',
    'clients[0].mux',
    'clients[0].key',
    'clients[0].salt',
    'clients[0].addresses[0]',
    'clients[1].name',
    'clients[1]',
    'clients[1].addresses',
    'relay.pool',
    'relay.ports',
    'relay.timeouts.udp',
    'relay.timeouts.icmp',
    'log.level',
    'workers',
  ])
    assert.ok(text.includes(` error ${path}: `), `${path} is missing from\n${text}`);
  const lines = problems.map((p) => p.line ?? 0);
  assert.deepEqual(
    lines,
    lines.toSorted((a, b) => a - b),
  );
});

test('what is missing is named with an example', () => {
  const text = told(refuse('relay: {}\n'));
  assert.match(text, /error clients: missing, such as \[\{ name: alice/);
  assert.match(text, /error relay\.pool: missing, such as \[198\.51\.100\.10/);
  assert.match(told(refuse('')), /error clients: missing/);
});

test('a value of the wrong kind says what is there and what should be', () => {
  const text = told(
    refuse(
      `satp: { listen: "0.0.0.0:4444", replayWindow: many }\n${client(', allowInsecure: "yes"')}${RELAY}log: []\n`,
    ),
  );
  assert.match(text, /satp\.listen: must be a list.*but is text/);
  assert.match(text, /satp\.replayWindow: must be a whole number, such as 1024, but is text/);
  assert.match(text, /allowInsecure: must be true or false/);
  assert.match(text, /log: must be a group of keys, but is a list/);
  assert.match(told(refuse('just a text')), /must be a group of keys, but is text/);
});

test('a group without keys in it means its defaults', () => {
  assert.equal(accept(`node:\nsatp:\n${MINIMAL}`).satp.replayWindow, 1024);
});

test('what comes later is refused with those words', () => {
  for (const [text, path] of [
    [`${client(', device: tap')}${RELAY}`, 'clients[0].device'],
    [`${client()}relay: { pool: [198.51.100.10], mapping: address-dependent }`, 'relay.mapping'],
    [`${MINIMAL}policy: { rules: [{ action: deny, to: [192.0.2.0/24] }] }`, 'policy.rules'],
    [`${MINIMAL}workers: 2`, 'workers'],
    [client().replace('10.99.0.2/32', '"2001:db8::/64"') + RELAY, 'clients[0].addresses[0]'],
  ] as const) {
    const problem = refuse(text).find((p) => p.path === path);
    assert.match(problem?.message ?? `nothing about ${path}`, /comes? later/);
  }
});

test('muxes and names are unique, inner prefixes disjoint, and the first owner is named', () => {
  const two = (second: string): string => `clients:
  - { name: alice, mux: 7, key: 00112233445566778899aabbccddeeff, salt: 0102030405060708090a0b0c0d0e, addresses: [10.99.1.0/24] }
  - ${second}
${RELAY}`;
  const key = 'key: 99112233445566778899aabbccddeeff, salt: 0102030405060708090a0b0c0d0e';
  assert.match(
    told(refuse(two(`{ name: alice, mux: 8, ${key}, addresses: [10.99.2.0/24] }`))),
    /3 error clients\[1\]\.name: another client is called alice/,
  );
  assert.match(
    told(refuse(two(`{ name: bob, mux: 7, ${key}, addresses: [10.99.2.0/24] }`))),
    /3 error clients\[1\]\.mux: alice has mux 7/,
  );
  for (const prefix of ['10.99.1.0/24', '10.99.1.7/32', '10.98.0.0/15'])
    assert.match(
      told(refuse(two(`{ name: bob, mux: 8, ${key}, addresses: [${prefix}] }`))),
      /overlaps .* of (alice|bob)/,
      prefix,
    );
  assert.equal(accept(two(`{ name: bob, mux: 8, ${key}, addresses: [10.99.2.0/24] }`)).clients.length, 2);
});

test('inner addresses, the gateway’s address and the pool are kept apart', () => {
  const inner = (prefix: string): string => client().replace('10.99.0.2/32', prefix) + RELAY;
  assert.match(
    told(refuse(inner('10.99.0.0/24'))),
    /clients\[0\]\.addresses\[0\]: .*gateway’s own address 10\.99\.0\.1/,
  );
  assert.match(told(refuse(inner('198.51.100.0/24'))), /overlaps 198\.51\.100\.10\/32 of relay\.pool/);
  assert.match(
    told(refuse(`${client()}relay: { pool: [10.99.0.0/30] }`)),
    /relay\.address: 10\.99\.0\.1 is in relay\.pool/,
  );
  for (const prefix of ['127.0.0.0/8', '224.0.0.1/32', '0.0.0.0/0', '255.255.255.255/32'])
    assert.match(told(refuse(inner(prefix))), /clients\[0\]\.addresses\[0\]: /, prefix);
});

test('a pool takes any shape and no address twice', () => {
  const pool = (entries: string) => `${client()}relay: { pool: [${entries}] }`;
  const config = accept(pool('198.51.100.3, 198.51.100.0-198.51.100.2, 203.0.113.4/31'));
  assert.deepEqual(config.relay.pool.map(formatPrefix4), ['198.51.100.0/30', '203.0.113.4/31']);
  assert.deepEqual(config.relay.addresses.map(formatIp4), [
    '198.51.100.0',
    '198.51.100.1',
    '198.51.100.2',
    '198.51.100.3',
    '203.0.113.4',
    '203.0.113.5',
  ]);
  assert.match(
    told(refuse(pool('198.51.100.3, 198.51.100.0/29'))),
    /relay\.pool\[1\]: 198\.51\.100\.0\/29 is in 198\.51\.100\.3\/32|list each address once/,
  );
  assert.match(told(refuse(pool('198.51.100.3, 198.51.100.3'))), /relay\.pool\[1\]: .*list each address once/);
  assert.match(told(refuse(pool('198.51.100.9-198.51.100.3'))), /write 198\.51\.100\.3-198\.51\.100\.9/);
  assert.match(told(refuse(pool('198.51.100.1/24'))), /write 198\.51\.100\.0\/24 or 198\.51\.100\.1\/32/);
  assert.match(told(refuse(pool('224.0.0.1'))), /multicast/);
  assert.match(told(refuse(pool('20.0.0.0/8'))), /more than 65536 addresses/);
  assert.match(told(refuse(pool('example.com'))), /must be an IPv4 address/);
});

test('the device’s MTU leaves room for SATP', () => {
  const mtu = (n: number, tag = 10) =>
    `${client(`, authTagLength: ${tag}`)}relay: { pool: [198.51.100.10], device: { mtu: ${n} } }`;
  assert.equal(accept(mtu(1580)).relay.device.mtu, 1580);
  assert.match(told(refuse(mtu(1581))), /relay\.device\.mtu: must be 1580 or less/);
  assert.match(told(refuse(mtu(1580, 20))), /must be 1570 or less/);
  assert.match(told(refuse(mtu(575))), /must be between 576 and 1590/);
  const warned = (n: number) => told(examineText(mtu(n), '/x.yaml').problems);
  assert.equal(warned(1452), '');
  assert.match(warned(1453), /warning relay\.device\.mtu: .*1501.*; 1452 fits/);
});

test('a shared pool leaves the host’s own listeners their ports', () => {
  const shared = (ports: string, rest = '') =>
    `${client()}relay: { pool: [192.0.2.1], egress: shared, ports: ${ports} }\n${rest}`;
  assert.match(told(refuse(shared('1024-65535'))), /relay\.ports: .*leave out port 4444 of satp\.listen/);
  assert.match(
    told(refuse(shared('5000-65535', 'http: { listen: "192.0.2.1:9464" }'))),
    /relay\.ports: .*leave out port 9464 of http\.listen/,
  );
  assert.equal(accept(shared('40000-59999')).relay.egress, 'shared');
  assert.ok(accept(shared('1024-65535', 'satp: { listen: ["192.0.2.2:4444"] }')), 'another address is no collision');
});

test('a quota that the pool cannot keep, and timeouts under those of the RFCs, are warned of', () => {
  const warnings = (relay: string) =>
    told(examineText(`${client()}relay: { pool: [198.51.100.10], ${relay} }`, '/x.yaml').problems);
  assert.match(
    warnings('ports: 1024-2047'),
    /warning relay\.quota\.ports: 1 clients with 2048 ports each want 2048 ports, and the pool has 1024/,
  );
  assert.equal(warnings('ports: 1024-3071'), '');
  assert.match(warnings('timeouts: { udp: 119s }'), /warning relay\.timeouts\.udp: .*RFC 4787 REQ-5/);
  assert.match(warnings('timeouts: { tcpEstablished: 1h }'), /RFC 5382 REQ-5/);
  assert.equal(warnings('timeouts: { udp: 2m, icmp: 60s, portHoldDown: 1s }'), '');
  assert.match(
    told(refuse(`${client()}relay: { pool: [198.51.100.10], timeouts: { udp: 0s } }`)),
    /must be between 1s and 30d/,
  );
});

test('a wrong listen address says what to write', () => {
  for (const listen of [
    '4444',
    'localhost:4444',
    '192.0.2.1',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '::1:4444',
    '[192.0.2.1]:4444',
    '',
  ])
    assert.match(told(refuse(`satp: { listen: ["${listen}"] }\n${MINIMAL}`)), /error satp\.listen\[0\]: /, listen);
  assert.match(
    told(refuse(`satp: { listen: ["192.0.2.1:1", "192.0.2.1:1"] }\n${MINIMAL}`)),
    /satp\.listen\[1\]: .*twice/,
  );
  assert.match(told(refuse(`satp: { listen: [] }\n${MINIMAL}`)), /satp\.listen: must not be an empty list/);
});

test('environment variables override the file and are named in problems', () => {
  const config = accept(MINIMAL, {
    ANYGATE_HTTP__LISTEN: '127.0.0.1:1',
    ANYGATE_SATP__LISTEN: '192.0.2.1:1, [::]:2',
    ANYGATE_SATP__REPLAY_WINDOW: '64',
    ANYGATE_POLICY__ALLOWRESERVED: 'true',
    ANYGATE_RELAY__DEVICE__MTU: '1300',
    ANYGATE_WORKERS: '1',
    ANYGATE_PORT: 'tcp://192.0.2.9:80',
  });
  assert.equal(config.http.listen.kind === 'tcp' && config.http.listen.port, 1);
  assert.equal(config.satp.listen.length, 2);
  assert.deepEqual([config.satp.replayWindow, config.policy.allowReserved, config.relay.device.mtu], [64, true, 1300]);
  const [bad] = refuse(MINIMAL, { ANYGATE_LOG__LEVEL: 'loud' });
  assert.deepEqual([bad?.variable, bad?.path, bad?.line], ['ANYGATE_LOG__LEVEL', 'log.level', undefined]);
  const [unknown] = refuse(MINIMAL, { ANYGATE_HTTP__LISTN: 'x' });
  assert.match(unknown?.message ?? '', /nearest that does is ANYGATE_HTTP__LISTEN/);
  assert.equal(refuse(MINIMAL, { ANYGATE_CLIENTS__0__KEY: 'x' }).length, 1);
});

test('a file that cannot be read is ERR_CONFIG and says why', () => {
  const load = (file: string) => () => loadConfig(file, {});
  assert.throws(load(join(directory, 'absent.yaml')), { code: 'ERR_CONFIG', message: /no such file.*anygate init/ });
  assert.throws(load(directory), { code: 'ERR_CONFIG', message: /is a directory/ });
  const file = join(directory, 'bad.yaml');
  writeFileSync(file, 'clients: 1\nlog: 2\n');
  assert.throws(load(file), (error: GatewayError) => {
    assert.equal(error.exit, 2);
    assert.match(error.message, /^3 problems in the configuration\n/);
    assert.ok(error.message.includes(`${file}:2: log: `));
    return true;
  });
});

test('warnings do not stop anything', () => {
  const file = join(directory, 'warned.yaml');
  writeFileSync(file, `${client()}relay: { pool: [198.51.100.10], timeouts: { udp: 10s } }`, { mode: 0o600 });
  const { config, warnings } = loadConfig(file, {});
  assert.equal(config.file, file);
  assert.deepEqual(
    warnings.map((w) => w.path),
    ['relay.timeouts.udp'],
  );
});

test('what is not YAML names the line and quotes nothing', () => {
  for (const [text, line] of [
    ['clients: [\n', 2],
    ['node:\n\tname: x\n', 2],
    ['node: { name: a }\nnode: { name: b }\n', 2],
    ['a: b\n---\nc: d\n', 2],
    ['clients:\n  - passphrase: *canary\n', 2],
    ['clients:\n  - passphrase: !canary x\n', 2],
    ['clients:\n  - passphrase: "\\canary"\n', 2],
    ['clients:\n  - name: a\n    passphrase:canary\n    mux: 1\n', 3],
    ['a: &a [*a]\n', 1],
    ['['.repeat(3000), 1],
  ] as const) {
    const problems = refuse(text);
    assert.equal(problems[0]?.line, line, JSON.stringify(text.slice(0, 60)) + told(problems));
    assert.doesNotMatch(told(problems), /canary/);
  }
});

/** Places in a text where a token begins. */
const mutate = (text: string, at: number, what: number, piece: string): string => {
  const i = at % (text.length + 1);
  switch (what % 6) {
    case 0:
      return text.slice(0, i) + piece + text.slice(i);
    case 1:
      return text.slice(0, i) + text.slice(i + 1 + (at % 7));
    case 2: {
      const lines = text.split('\n');
      lines.splice(at % lines.length, 1);
      return lines.join('\n');
    }
    case 3: {
      const lines = text.split('\n');
      lines.splice(at % lines.length, 0, lines[what % lines.length]!);
      return lines.join('\n');
    }
    case 4:
      return text.replace(/: [^\n{[]+/, `: ${piece}`);
    default:
      return text.replaceAll(text[i] ?? ':', piece);
  }
};

const PIECES = [
  'null',
  '~',
  '-1',
  '1e999',
  '.nan',
  '0x10',
  '{}',
  '[]',
  '[[]]',
  '{ a: { b: [1] } }',
  '"',
  "'",
  '*a',
  '&a ',
  '!x ',
  '<<: ',
  ': ',
  '- ',
  '\t',
  '\0',
  '#',
  '@',
  '`',
  '%',
  '|',
  '>',
  '😀',
  '__proto__: ',
  'constructor: ',
  'toString',
  '99999999999999999999',
  '10.0.0.0/0',
  '-',
  '5m',
];

test('whatever is done to a file, the loader answers with problems or a configuration', () => {
  const edits = fc.array(
    fc.tuple(fc.nat(5000), fc.nat(5), fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 8 }))),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  fc.assert(
    fc.property(fc.constantFrom(COMPLETE, MINIMAL), edits, (text, script) => {
      const changed = script.reduce((t, [at, what, piece]) => mutate(t, at, what, piece), text);
      const { config, problems } = examineText(changed, join(directory, 'x.yaml'));
      assert.equal(
        config === undefined,
        problems.some((p) => p.severity === 'error'),
      );
      for (const p of problems) assert.ok(p.message.length > 0);
    }),
    { numRuns: 200 },
  );
});

test('whatever a file holds, loading it throws nothing but ERR_CONFIG', () => {
  const file = join(directory, 'random.yaml');
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.json()), (text) => {
      writeFileSync(file, text);
      assert.throws(
        () => loadConfig(file, {}),
        (error) => error instanceof GatewayError && error.code === 'ERR_CONFIG',
      );
    }),
    { numRuns: 200 },
  );
});
