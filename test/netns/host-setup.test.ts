// Set-up on a real host: what it leaves behind (nothing), and that packets go where they should, even under the strictest rp_filter.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostPlanInput } from '../../src/control/host-plan.ts';
import { parseIp4, parsePrefix4 } from '../../src/wire/addr.ts';
import { requires } from '../support/requires.ts';
import { ipv4Packet, udpDatagram } from '../wire/packets.ts';
import type { ChildOrders } from './host-setup-child.ts';
import { Lab } from './lab.ts';
import { eventually, type RunningProcess } from './processes.ts';
import { ADDRESS } from './topology.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'tcpdump', 'ping', 'nc', 'conntrack', 'scapy'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

const POOLS = { routed: '198.51.100.16/29', masquerade: '10.200.0.0/24', shared: ADDRESS.gw };
const MODES = ['routed', 'shared', 'masquerade'] as const;

const inputFor = (egress: HostPlanInput['egress']): HostPlanInput => ({
  egress,
  device: { name: 'any.gate0', mtu: 1400 },
  pool: [parsePrefix4(POOLS[egress])!],
  ports: { low: 50_000, high: 50_999 },
});

/** Everything of the gateway's box that set-up could have touched. */
const snapshot = async (lab: Lab): Promise<string> => {
  const parts = [
    ['ip', '-d', 'rule'],
    ['ip', 'route', 'show', 'table', 'all'],
    ['ip', 'addr'],
    ['nft', 'list', 'ruleset'],
    ['sysctl', '-a', '-r', '^net\\.ipv4\\.(conf|ip_|fwmark)|^net\\.ipv6\\.conf'],
  ];
  const texts = await Promise.all(parts.map((argv) => lab.run('gw', argv)));
  return texts.join('\n').replaceAll(/(valid|preferred)_lft \w+/g, '');
};

const startChild = (lab: Lab, orders: Omit<ChildOrders, 'stateDir'>): RunningProcess => {
  const script = join(import.meta.dirname, 'host-setup-child.ts');
  const argv = [process.execPath, script, JSON.stringify({ stateDir: join(lab.dir, 'state'), ...orders })];
  return lab.spawn('gw', argv, { input: true });
};

const output = (child: RunningProcess): string => readFileSync(child.log, 'utf8');

const startReady = async (lab: Lab, egress: HostPlanInput['egress']): Promise<RunningProcess> => {
  const child = startChild(lab, { input: inputFor(egress) });
  await eventually(
    () => `set-up: ${output(child)}`,
    () => output(child).includes('ready after'),
  );
  return child;
};

const changesUntil = (child: RunningProcess, word: 'ready' | 'undone'): number =>
  Number(new RegExp(`${word} after (\\d+)`).exec(output(child))?.[1]);

/** A host with a history: forwarding on one device only, ports reserved, a rule and a table of its own, the strict rp_filter. */
const createHost = async (): Promise<Lab> => {
  const lab = await Lab.create();
  const settings = ['ip_local_reserved_ports=8080,9000-9010', 'conf.isp.forwarding=1', 'conf.all.rp_filter=1'];
  await lab.run('gw', ['sysctl', '-qw', ...settings.map((setting) => `net.ipv4.${setting}`)]);
  await lab.run('gw', ['ip', 'rule', 'add', 'pref', '100', 'fwmark', '0x2000', 'lookup', '77']);
  await lab.run('gw', ['nft', 'add table inet others; add chain inet others c']);
  return lab;
};

for (const egress of MODES) {
  test(`egress: ${egress}: the host is as before after a stop, a failure or a kill at any step`, { skip }, async () => {
    await using lab = await createHost();
    const before = await snapshot(lab);

    const child = await startReady(lab, egress);
    assert.notEqual(await snapshot(lab), before);
    assert.equal(await child.stop('SIGTERM'), 0);
    assert.equal(await snapshot(lab), before, 'after a stop');
    const [applied, all] = [changesUntil(child, 'ready'), changesUntil(child, 'undone')];
    assert.ok(applied >= 4 && all > applied);

    for (let at = 1; at <= all; at++) {
      const killed = startChild(lab, { input: inputFor(egress), killAt: at });
      if (at > applied) {
        await eventually('set-up', () => output(killed).includes('ready after'));
        killed.child.kill('SIGTERM');
      }
      assert.equal(await killed.ended, 137, output(killed));
      assert.ok(await lab.ping('isp', ADDRESS.gw, { count: 1 }), `the host is reachable, killed at change ${at}`);
      // The next start puts that back, and if it goes on, fails at the same change.
      const next = startChild(lab, at > applied ? {} : { input: inputFor(egress), failAt: at });
      assert.equal(await next.ended, at > applied ? 0 : 3, output(next));
      if (at <= applied) assert.match(output(next), /failed: cannot .*failed on purpose/);
      assert.equal(await snapshot(lab), before, `after a kill at change ${at} and what came then`);
    }
  });
}

interface Seen {
  readonly protocol: number;
  readonly src: string;
  readonly dst: string;
  readonly bytes: Buffer;
}

const dotted = (bytes: Buffer): string => [...bytes].join('.');

const packetsOf = (child: RunningProcess): Seen[] =>
  [...output(child).matchAll(/^packet ([0-9a-f]+)$/gm)].map(([, hex]) => {
    const bytes = Buffer.from(hex!, 'hex');
    return { protocol: bytes[9]!, src: dotted(bytes.subarray(12, 16)), dst: dotted(bytes.subarray(16, 20)), bytes };
  });

/** Waits for a packet out of the device that `wanted` accepts. */
const comesOut = async (child: RunningProcess, what: string, wanted: (p: Seen) => boolean): Promise<void> => {
  await eventually(
    () => `${what}: ${output(child)}`,
    () => packetsOf(child).some(wanted),
    3000,
  );
};

const udp = (src: string, srcPort: number, dst: string, dstPort: number, text: string, ttl = 64): string => {
  const [from, to] = [parseIp4(src)!, parseIp4(dst)!];
  const payload = udpDatagram(from, srcPort, to, dstPort, Buffer.from(text));
  return `${Buffer.from(ipv4Packet({ src: from, dst: to, protocol: 17, payload, ttl })).toString('hex')}\n`;
};

const send = (lab: Lab, port: number, text: string, to: string) =>
  lab.exec('r1', ['nc', '-u', '-w', '1', to, `${port}`], { input: text });

const scapy = (lab: Lab, code: string) =>
  lab.run('r1', ['/usr/bin/python3', '-c', `from scapy.all import *\nconf.verb=0\n${code}`], { timeout: 20_000 });

for (const egress of ['routed', 'masquerade'] as const) {
  test(`egress: ${egress}: packets pass both ways between the device and the Internet`, { skip }, async () => {
    await using lab = await createHost();
    const inner = egress === 'routed' ? '198.51.100.17' : '10.200.0.5';
    const outer = egress === 'routed' ? inner : ADDRESS.gw;
    const child = await startReady(lab, egress);
    const capture = await lab.capture('r1', 'isp', 'udp');
    await lab.startEcho('r1', 7);
    child.write(udp(inner, 4000, ADDRESS.r1, 7, 'hello'));
    await capture.waitFor('the packet', (p) => p.src === outer && p.dstPort === 7);
    await comesOut(child, 'the echo', (p) => p.dst === inner && p.bytes.includes('hello'));
    if (egress === 'routed') {
      await send(lab, 5000, 'unsolicited', inner);
      await comesOut(child, 'unsolicited', (p) => p.dst === inner && p.bytes.includes('unsolicited'));
    }
    assert.ok(
      packetsOf(child).every((p) => p.bytes[0]! >>> 4 === 4),
      'no IPv6 from the device',
    );
  });
}

test('egress: shared: the reserved ports are the gateway’s, everything else stays the host’s', { skip }, async () => {
  await using lab = await createHost();
  const { gw, r1 } = ADDRESS;
  await lab.startEcho('r1', 7);
  await lab.startEcho('gw', 49_999);
  // A connection that the host has had from before.
  const old = lab.spawn('gw', ['nc', '-N', '-p', '50777', r1, '7'], { input: true });
  await eventually('the old connection', () => output(old).includes(`${gw} 50777`));

  const child = await startReady(lab, 'shared');
  const capture = await lab.capture('r1', 'isp', 'udp');

  child.write(udp(gw, 50_123, r1, 7, 'hello'));
  await capture.waitFor('the packet', (p) => p.src === gw && p.srcPort === 50_123);
  await comesOut(child, 'the echo', (p) => p.src === r1 && p.bytes.includes('hello'));
  await send(lab, 50_999, 'unsolicited', gw);
  await comesOut(child, 'unsolicited', (p) => p.src === r1 && p.bytes.includes('unsolicited'));
  await lab.exec('r1', ['nc', '-w', '1', gw, '50000']);
  await comesOut(child, 'a TCP segment', (p) => p.protocol === 6);

  const echoed = await send(lab, 49_999, 'for the host', gw);
  assert.match(echoed.stdout, /for the host/);
  old.write('still here\n');
  await eventually('the old connection goes on', () => output(old).includes('still here'));
  const out = await lab.exec('gw', ['nc', '-N', '-w', '2', r1, '7'], { input: 'from the host\n' });
  assert.match(out.stdout, /from the host/);
  assert.ok(await lab.ping('r1', gw), 'the host answers pings');
  assert.ok(await lab.ping('gw', r1, { args: ['-e', '50100'] }), 'its own pings are answered, whatever their id');
  assert.ok(!packetsOf(child).some((p) => p.bytes.includes('the host') || p.bytes.includes('still here')));
  assert.ok(!packetsOf(child).some((p) => p.protocol === 1), 'no ICMP so far was the gateway’s');
});

test('egress: shared: ICMP goes by the id or the packet it quotes, fragments by their first', { skip }, async () => {
  await using lab = await createHost();
  const { gw, r1, r2, isp } = ADDRESS;
  await lab.run('isp', ['ip', 'route', 'add', 'unreachable', '203.0.113.99']);
  const child = await startReady(lab, 'shared');
  const marked = (mark: string) => (p: Seen) => p.bytes.includes(mark);
  const quoting = (quoted: string) => `send(IP(dst="${gw}")/ICMP(type=3,code=1)/${quoted})`;
  await scapy(
    lab,
    `
send(IP(dst="${gw}")/ICMP(type=0,id=50005)/"reply-in-range")
send(IP(dst="${gw}")/ICMP(type=0,id=49999)/"reply-of-host")
${quoting(`IP(src="${gw}",dst="${r2}")/UDP(sport=50001,dport=9)/"udp-in-range"`)}
${quoting(`IP(src="${gw}",dst="${r2}")/UDP(sport=49999,dport=50001)/"udp-of-host"`)}
${quoting(`IP(src="${gw}",dst="${r2}")/TCP(sport=50002,dport=9)/"tcp-in-range"`)}
${quoting(`IP(src="${gw}",dst="${r2}",options=[IPOption_NOP()]*8)/UDP(sport=50003,dport=9)/"options-in-range"`)}
${quoting(`IP(src="${gw}",dst="${r2}",frag=9)/UDP(sport=50003,dport=9)/"fragment-of-host"`)}
${quoting(`IP(src="${gw}",dst="${r2}")/ICMP(type=8,id=50004)/"query-in-range"`)}
${quoting(`IP(src="${gw}",dst="${r2}")/ICMP(type=0,id=50004)/"answer-of-host"`)}
send(fragment(IP(dst="${gw}",id=77)/UDP(sport=9,dport=50010)/("F"*2993+"the-end"),fragsize=1000)[::-1])
`,
  );
  for (const mark of ['reply', 'udp', 'tcp', 'options', 'query']) {
    await comesOut(child, mark, marked(`${mark}-in-range`));
  }
  await comesOut(child, 'the last fragment', marked('the-end'));
  const fragments = packetsOf(child).filter((p) => p.protocol === 17 && p.bytes.readUInt16BE(4) === 77);
  const octets = fragments.reduce((n, p) => n + p.bytes.length - 20, 0);
  assert.equal(octets, 3008);
  assert.ok(fragments.every((p) => p.bytes.length <= 1400));

  child.write(udp(gw, 50_020, r1, 9, 'dies-here', 1));
  await comesOut(child, 'the kernel’s own time exceeded', (p) => p.bytes[20] === 11 && marked('dies-here')(p));
  child.write(udp(gw, 50_021, '203.0.113.99', 9, 'no-route'));
  await comesOut(child, 'an error from a router', (p) => p.src === isp && p.bytes[20] === 3 && marked('no-route')(p));
  assert.ok(!packetsOf(child).some(marked('of-host')), output(child));
  const own = await lab.exec('gw', ['ping', '-n', '-c', '1', '-W', '2', '-e', '50100', '203.0.113.99']);
  assert.match(own.stdout, /Unreachable/, 'the host learns what became of its own query');
});

test('egress: shared: ports in use and foreign pools are refused, and nothing is changed', { skip }, async () => {
  await using lab = await createHost();
  await lab.startEcho('gw', 50_500);
  const before = await snapshot(lab);
  const cases: [HostPlanInput, RegExp][] = [
    [inputFor('shared'), /waits for packets .*tcp \*:50500, udp \*:50500.*ss -lntup/],
    [{ ...inputFor('shared'), pool: [parsePrefix4('198.51.100.1')!] }, /must be this host's own/],
    [{ ...inputFor('routed'), pool: [parsePrefix4('192.0.2.0/29')!] }, /may be this host's own/],
    [{ ...inputFor('routed'), pool: [parsePrefix4('192.0.2.32/29')!, parsePrefix4('0.0.0.0/0')!] }, /own/],
  ];
  for (const [input, message] of cases) {
    const child = startChild(lab, { input });
    assert.equal(await child.ended, 3, output(child));
    assert.match(output(child), message);
    assert.equal(await snapshot(lab), before);
  }
});

test('a missing command and a missing capability are named with their cure', { skip }, async () => {
  await using lab = await createHost();
  const script = (body: string) => [
    process.execPath,
    '--input-type=module-typescript',
    '-e',
    `import { hostSystem } from '${join(import.meta.dirname, '../../src/control/host-system.ts')}';
     ${body}.catch((error) => console.log(error.message, '|', error.cure));`,
  ];
  const missing = await lab.run('gw', script("hostSystem.run(['no-such-command'])"));
  assert.match(missing, /no-such-command is missing \| install it/);
  const powerless = ['setpriv', '--reuid', '65534', '--clear-groups', '--inh-caps=-all'];
  const denied = await lab.run('gw', [...powerless, ...script("hostSystem.run(['ip', 'link', 'set', 'lo', 'down'])")]);
  assert.match(denied, /Operation not permitted \| .*CAP_NET_ADMIN.*Docker/);
  const readOnly = await lab.run('gw', [
    ...powerless,
    ...script("(async () => hostSystem.write('net/ipv4/ip_forward', '1'))()"),
  ]);
  assert.match(readOnly, /cannot write \/proc\/sys\/net\/ipv4\/ip_forward: EACCES; .*CAP_NET_ADMIN/);
});
