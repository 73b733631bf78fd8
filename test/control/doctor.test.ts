// Each check with a machine that is well and with one that is not. What a check reads of the real machine (the device, OpenSSL) is
// only run, not judged.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Config, examineText } from '../../src/control/config.ts';
import { checks, examine } from '../../src/control/doctor.ts';
import type { NamedFinding, Patient } from '../../src/control/finding.ts';
import { CommandFailure, type HostSystem } from '../../src/control/host-system.ts';

const ADDRESSES =
  '[{"ifname":"lo","mtu":65536,"addr_info":[{"family":"inet","local":"127.0.0.1"}]},{"ifname":"eth0","mtu":1500,"addr_info":[{"family":"inet","local":"192.0.2.2"}]}]';

const COMMANDS: Readonly<Record<string, string>> = {
  'ip -V': 'ip utility',
  'nft --version': 'nftables v1',
  'ip -j addr': ADDRESSES,
  'ip -j -4 route show default': '[{"dst":"default","dev":"eth0"}]',
  'nft -j list chains': '{"nftables":[{"metainfo":{}}]}',
  'nft list ruleset': '',
};

const SETTINGS: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '0',
  'net/ipv4/ip_local_port_range': '32768 60999',
  'net/ipv4/ip_local_reserved_ports': '',
};

interface Ailment {
  readonly commands?: Readonly<Record<string, string>>;
  readonly missing?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly readOnly?: boolean;
  readonly files?: Readonly<Record<string, string>>;
  readonly nodeVersion?: string;
  readonly config?: Config;
  readonly configFile?: string;
}

const patient = (ailment: Ailment = {}): Patient => {
  const commands = { ...COMMANDS, ...ailment.commands };
  const settings = { ...SETTINGS, ...ailment.settings };
  const system: HostSystem = {
    run: async (argv) => {
      const answer = commands[argv.join(' ')];
      if (answer === undefined || ailment.missing?.includes(argv[0]!))
        throw new CommandFailure(argv, 'missing', 'install');
      return answer;
    },
    read: (setting) => settings[setting],
    write: () => assert.fail('the doctor changes nothing'),
    isWritable: () => ailment.readOnly !== true,
  };
  const files = {
    '/proc/self/status': 'CapEff:\t000001ffffffffff\n',
    '/proc/self/limits': 'Max open files            20000                20000                files\n',
    ...ailment.files,
  };
  return {
    system,
    readFile: (path) => (files as Record<string, string>)[path],
    nodeVersion: ailment.nodeVersion ?? '26.1.0',
    ...(ailment.config && { config: ailment.config }),
    ...(ailment.configFile && { configFile: ailment.configFile }),
  };
};

const find = async (name: string, ailment?: Ailment): Promise<NamedFinding> =>
  (await examine(patient(ailment), { [name]: checks[name]! }))[0]!;

const config = (relay: string, more = ''): Config => {
  const text = `node: { stateDir: ${tmpdir()}/anygate-doctor-test/none }
clients: [{ mux: 7, passphrase: a long enough passphrase, addresses: [10.99.0.2/32] }]
relay: { address: 10.99.0.1, ${relay} }
${more}`;
  const { config: made, problems } = examineText(text, '/nowhere/anygate.yaml');
  assert.ok(made, JSON.stringify(problems));
  return made;
};

const SHARED = 'pool: [192.0.2.2], egress: shared, ports: 50000-50999';
const ROUTED = 'pool: [198.51.100.10]';

const cases: readonly [string, NamedFinding['status'], RegExp, Ailment?][] = [
  ['node', 'ok', /26\.1\.0/],
  ['node', 'fail', /older than 24/, { nodeVersion: '20.20.2' }],
  ['capabilities', 'ok', /CAP_NET_ADMIN/],
  ['capabilities', 'fail', /lacks CAP_NET_ADMIN/, { files: { '/proc/self/status': 'CapEff:\t0000000000000400\n' } }],
  [
    'capabilities',
    'fail',
    /port 444.*CAP_NET_BIND_SERVICE/,
    {
      files: { '/proc/self/status': 'CapEff:\t0000000000001000\n' },
      config: config(ROUTED, 'satp: { listen: ["0.0.0.0:444"] }'),
    },
  ],
  ['file-descriptors', 'ok', /20000/],
  ['file-descriptors', 'warn', /only 256/, { files: { '/proc/self/limits': 'Max open files   256   4096   files' } }],
  ['socket-buffers', 'ok', /as large/],
  [
    'socket-buffers',
    'warn',
    /net\.core\.rmem_max are under/,
    {
      files: { '/proc/self/status': 'CapEff:\t0\n' },
      settings: { 'net/core/rmem_max': '212992', 'net/core/wmem_max': '8388608' },
    },
  ],
  ['commands', 'ok', /nftables/],
  ['commands', 'fail', /ip is missing/, { missing: ['ip'] }],
  ['commands', 'warn', /nft is missing/, { missing: ['nft'], config: config(ROUTED) }],
  ['commands', 'fail', /nft is missing/, { missing: ['nft'], config: config(SHARED) }],
  ['forwarding', 'ok', /turns it on/],
  ['forwarding', 'ok', /is on/, { settings: { 'net/ipv4/ip_forward': '1' }, readOnly: true }],
  ['forwarding', 'fail', /cannot be written/, { readOnly: true }],
  ['reverse-path', 'ok', /eth0/, { settings: { 'net/ipv4/conf/all/rp_filter': '1' } }],
  [
    'reverse-path',
    'warn',
    /rp_filter on eth1 is strict/,
    {
      commands: { 'ip -j -4 route show default': '[{"dev":"eth0"},{"dev":"eth1"}]' },
      settings: {
        'net/ipv4/conf/all/rp_filter': '1',
        'net/ipv4/conf/eth0/rp_filter': '2',
        'net/ipv4/conf/eth1/rp_filter': '0',
      },
    },
  ],
  ['pool', 'ok', /not known/],
  ['pool', 'ok', /1 addresses, egress: routed/, { config: config(ROUTED) }],
  ['pool', 'fail', /may be this host's own/, { config: config('pool: [192.0.2.0/30]') }],
  [
    'pool',
    'fail',
    /must be this host's own/,
    { config: config('pool: [192.0.2.3], egress: shared, ports: 50000-50999') },
  ],
  ['ports', 'ok', /alone/, { config: config(ROUTED) }],
  ['ports', 'ok', /50000-50999 can be reserved/, { config: config(SHARED) }],
  ['ports', 'fail', /cannot be written here/, { config: config(SHARED), readOnly: true }],
  [
    'ports',
    'fail',
    /too few ports/,
    { config: config(SHARED), settings: { 'net/ipv4/ip_local_port_range': '50000 51000' } },
  ],
  ['mtu', 'ok', /inner 1400, up to 1432 fit eth0 \(1500\)/, { config: config(ROUTED) }],
  ['mtu', 'ok', /up to 1452/, { config: config(ROUTED, 'satp: { listen: ["192.0.2.2:4444"] }') }],
  [
    'mtu',
    'warn',
    /do not fit eth0 \(1400\)/,
    { config: config(ROUTED), commands: { 'ip -j addr': ADDRESSES.replace('1500', '1400') } },
  ],
  ['conntrack', 'ok', /nothing/],
  ['conntrack', 'warn', /nearly full/, { settings: track(90, 100) }],
  ['conntrack', 'warn', /port 4444/, { settings: track(10, 100) }],
  [
    'conntrack',
    'ok',
    /not for the ports/,
    { settings: track(10, 100), commands: { 'nft list ruleset': 'udp dport { 53, 4444 } notrack' } },
  ],
  ['firewall', 'ok', /no chain/],
  ['firewall', 'ok', /cannot be asked/, { missing: ['nft'] }],
  ['firewall', 'warn', /ip filter FORWARD drops/, { commands: forwardChain('') }],
  ['firewall', 'ok', /no chain/, { commands: forwardChain('iifname "anygate0" accept') }],
  ['configuration', 'warn', /there is none/],
  ['configuration', 'ok', /1 clients/, { config: config(ROUTED), configFile: '/nowhere/anygate.yaml' }],
  ['state-directory', 'ok', /will be made/, { config: config(ROUTED) }],
];

function track(count: number, max: number): Record<string, string> {
  return { 'net/netfilter/nf_conntrack_count': `${count}`, 'net/netfilter/nf_conntrack_max': `${max}` };
}

function forwardChain(content: string): Record<string, string> {
  const chain = { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop' };
  return {
    'nft -j list chains': JSON.stringify({ nftables: [{ metainfo: {} }, { chain }] }),
    'nft list chain ip filter FORWARD': content,
  };
}

for (const [name, status, detail, ailment] of cases) {
  test(`doctor: ${name}: ${status}: ${detail.source}`, async () => {
    const finding = await find(name, ailment);
    assert.match(finding.detail, detail);
    assert.equal(finding.status, status);
    if (status === 'fail' && finding.cure === undefined) assert.match(finding.detail, /; (choose|correct|stop|set) /);
    if (status === 'warn') assert.ok(finding.cure, 'a warning has a cure');
  });
}

test('doctor: every check answers, whatever is missing', async () => {
  const findings = await examine({
    ...patient(),
    system: {
      run: async (argv) => Promise.reject(new CommandFailure(argv, 'no command works here')),
      read: () => undefined,
      write: () => assert.fail(),
      isWritable: () => false,
    },
    readFile: () => undefined,
    config: config(SHARED),
  });
  assert.ok(findings.length >= 18);
  for (const { name, detail } of findings)
    assert.ok(detail.length > 0 && !detail.includes('undefined'), `${name}: ${detail}`);
});

test('doctor: a program that waits on a port of the range is a failure', async () => {
  const socket = createSocket('udp4');
  const port = await new Promise<number>((resolve) => socket.bind(0, '0.0.0.0', () => resolve(socket.address().port)));
  const low = Math.max(port - 5, 1024);
  const relay = `pool: [192.0.2.2], egress: shared, ports: ${low}-${low + 10}`;
  const finding = await find('ports', { config: config(relay) });
  socket.close();
  assert.equal(finding.status, 'fail');
  assert.ok(finding.detail.includes(`udp *:${port}`), finding.detail);
});

test('doctor: files with secrets that others may read are named, and only files that exist', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'anygate-doctor-'));
  try {
    mkdirSync(join(dir, 'keys'));
    const configFile = join(dir, 'anygate.yaml');
    const keyFile = join(dir, 'keys/alice');
    const text = 'clients: [{ keyFile: keys/alice }, { passphraseFile: "a secret in the wrong place" }, null]';
    for (const file of [configFile, keyFile]) writeFileSync(file, text, { mode: 0o600 });
    const ailment = { configFile, files: { [configFile]: text } };
    assert.equal((await find('key-files', ailment)).status, 'ok');
    chmodSync(keyFile, 0o640);
    const finding = await find('key-files', ailment);
    assert.equal(finding.status, 'warn');
    assert.equal(finding.cure, `chmod 600 ${keyFile}`);
    assert.doesNotMatch(JSON.stringify(finding), /wrong place/);
    chmodSync(configFile, 0o644);
    const inline = { configFile, files: { [configFile]: 'clients: [{ passphrase: inline }]' } };
    assert.match((await find('key-files', inline)).detail, /configuration, which holds keys/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
