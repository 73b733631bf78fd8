// The plan as a table: what is done in which mode, and what is refused with which words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddresses, parseRules } from '../../src/control/host-facts.ts';
import { type HostPlanInput, planHost } from '../../src/control/host-plan.ts';
import { planSteering } from '../../src/control/host-steering.ts';
import { ip4, parseIp4, parsePrefix4 } from '../../src/wire/addr.ts';
import { FakeHost, factsOf } from './fake-host.ts';

const plan = (
  egress: HostPlanInput['egress'],
  pool: string[],
  options: { ports?: [number, number]; own?: string[]; facts?: object; device?: string; host?: FakeHost } = {},
) => {
  const { ports: [low, high] = [50_000, 59_999], own = ['192.0.2.2'], facts = {}, host = new FakeHost() } = options;
  host.addresses = own.map((text) => parseIp4(text)!);
  const device = { name: options.device ?? 'anygate0', mtu: 1400 };
  return planHost(
    { egress, device, pool: pool.map((p) => parsePrefix4(p)!), ports: { low, high } },
    factsOf(host, facts),
  );
};

const described = (...args: Parameters<typeof plan>): string[] => plan(...args).steps.map((step) => step.describe);

test('routed: the device comes up, the pool is routed to it, the host forwards', () => {
  assert.deepEqual(described('routed', ['198.51.100.10', '198.51.100.16/29']), [
    'set net.ipv6.conf.anygate0.disable_ipv6 to 1',
    'bring anygate0 up',
    'route 198.51.100.10/32 to anygate0',
    'route 198.51.100.16/29 to anygate0',
    'keep forwarding on eth1',
    'set net.ipv4.ip_forward to 1',
  ]);
});

test('masquerade: the same, and the host hides the pool', () => {
  const { steps } = plan('masquerade', ['10.200.0.0/24'], { device: 'a-b.c' });
  const nft = steps.find((step) => step.kind === 'command' && step.do[0] === 'nft');
  assert.ok(nft?.kind === 'command');
  assert.match(nft.do[1]!, /table ip anygate_a_b_c \{/);
  assert.match(nft.do[1]!, /ip saddr \{ 10\.200\.0\.0\/24 \} oifname != "a-b\.c" masquerade/);
  assert.deepEqual(nft.undo, ['nft', 'add table ip anygate_a_b_c; delete table ip anygate_a_b_c']);
});

test('shared: everything is in place before the steering begins', () => {
  assert.deepEqual(described('shared', ['192.0.2.2']), [
    'set net.ipv6.conf.anygate0.disable_ipv6 to 1',
    'bring anygate0 up',
    'set net.ipv4.conf.anygate0.src_valid_mark to 1',
    'reserve the ports 50000-59999',
    'mark the packets of the reserved ports (nft table anygate_anygate0)',
    'route 192.0.2.2/32 to anygate0',
    'add the rule for local addresses',
    'add the rule for marked packets',
    'remove the first rule for local addresses',
    'keep forwarding on eth1',
    'set net.ipv4.ip_forward to 1',
  ]);
});

test('what the host has already is no step', () => {
  const host = new FakeHost();
  host.settings.set('net/ipv4/ip_forward', '1');
  host.settings.delete('net/ipv6/conf/anygate0/disable_ipv6');
  assert.deepEqual(described('routed', ['198.51.100.10'], { host }), [
    'bring anygate0 up',
    'route 198.51.100.10/32 to anygate0',
  ]);
  host.settings.set('net/ipv4/ip_local_reserved_ports', '40000-60000');
  assert.ok(!described('shared', ['192.0.2.2'], { host }).some((line) => line.startsWith('reserve')));
});

test('the pool is the host’s own in shared mode, and not in the others', () => {
  const refused = { name: 'GatewayError', code: 'ERR_HOST_SETUP' };
  assert.throws(() => plan('routed', ['192.0.2.0/30']), {
    ...refused,
    message: /192\.0\.2\.0\/30 is; .*egress: shared/,
  });
  assert.throws(() => plan('masquerade', ['192.0.2.2']), { ...refused, message: /may be this host's own/ });
  assert.throws(() => plan('shared', ['192.0.2.2', '192.0.2.3']), { ...refused, message: /192\.0\.2\.3\/32 is not/ });
  assert.throws(() => plan('shared', ['192.0.2.2/31'], { own: ['192.0.2.2'] }), refused);
  assert.ok(plan('shared', ['192.0.2.2/31'], { own: ['192.0.2.2', '192.0.2.3'] }));
});

test('ports that a program of the host waits on are refused by name', () => {
  const tcp = { protocol: 'tcp', address: ip4(0), port: 50_022 } as const;
  const udp = { protocol: 'udp', address: parseIp4('192.0.2.2')!, port: 50_053 } as const;
  assert.throws(() => plan('shared', ['192.0.2.2'], { facts: { boundSockets: [tcp, tcp, udp] } }), {
    message: /waits .*: tcp \*:50022, udp 192\.0\.2\.2:50053;/,
  });
  const harmless = [
    { ...udp, address: parseIp4('127.0.0.1')! },
    { ...tcp, port: 49_999 },
    { ...tcp, port: 60_000 },
  ];
  assert.ok(plan('shared', ['192.0.2.2'], { facts: { boundSockets: harmless } }));
  assert.ok(plan('routed', ['198.51.100.1'], { facts: { boundSockets: [tcp] } }), 'other modes do not mind');
});

test('the host keeps enough ports for connections of its own', () => {
  assert.throws(() => plan('shared', ['192.0.2.2'], { ports: [1024, 65_535] }), { message: /too few ports/ });
  assert.throws(() => plan('shared', ['192.0.2.2'], { ports: [33_000, 60_999] }), { message: /32768 60999/ });
});

test('a range that cannot be reserved is refused only if the host would take from it', () => {
  const host = new FakeHost();
  host.readOnly.add('net/ipv4/ip_local_reserved_ports');
  assert.throws(() => plan('shared', ['192.0.2.2'], { host }), { message: /cannot be written here/ });
  const free = described('shared', ['192.0.2.2'], { host, ports: [20_000, 30_000] });
  assert.ok(!free.some((line) => line.startsWith('reserve')));
});

test('what nft does not know is left out with a warning', () => {
  const all = plan('shared', ['192.0.2.2']);
  const less = plan('shared', ['192.0.2.2'], { facts: { nft: { socket: false, tproxy: false } } });
  assert.deepEqual([all.warnings.length, less.warnings.length], [0, 2]);
  const scriptOf = ({ steps }: typeof all) => JSON.stringify(steps);
  assert.match(scriptOf(all), /tproxy/);
  assert.doesNotMatch(scriptOf(less), /tproxy|socket wildcard/);
});

test('a device name cannot smuggle in nft or ip', () => {
  for (const device of ['a"b', 'a b', 'a;b', '', 'a'.repeat(16)]) {
    assert.throws(() => plan('masquerade', ['10.0.0.1'], { device }), { code: 'ERR_HOST_SETUP' }, device);
  }
});

const rule = (priority: number, table: string, mark = 0, markMask = 0) => ({
  priority,
  table,
  isUnconditional: markMask === 0,
  mark,
  markMask,
});

test('steering comes before every other rule, and the local table with it', () => {
  assert.deepEqual(planSteering([rule(0, 'local'), rule(32766, 'main')]), {
    mark: 0x2000,
    steerAt: 10,
    moveLocalTo: 20,
  });
  assert.deepEqual(planSteering([rule(0, 'local'), rule(9, '52')]), { mark: 0x2000, steerAt: 7, moveLocalTo: 8 });
  assert.deepEqual(planSteering([rule(5, 'vrf'), rule(32765, 'local')]), { mark: 0x2000, steerAt: 4 });
  assert.deepEqual(planSteering([rule(0, 'local'), rule(20, '7')]), { mark: 0x2000, steerAt: 10, moveLocalTo: 19 });
});

test('steering uses a bit of the mark that changes nothing for other rules', () => {
  const markFor = (...others: ReturnType<typeof rule>[]) => planSteering([rule(0, 'local'), ...others]).mark;
  assert.equal(markFor(rule(100, '7', 0x2000, 0x2000)), 0x1000);
  assert.equal(markFor(rule(100, '7', 0x2000, 0xffffffff)), 0x1000);
  assert.equal(
    markFor(rule(100, '7', 0xca6c, 0xffffffff)),
    0x2000,
    'wg-quick looks at all bits, but for another value',
  );
  assert.equal(markFor(rule(100, '7', 0, 0xf000)), 0x10_0000, 'for packets without these bits');
  assert.throws(() => markFor(rule(100, '7', 0, 0xffffffff)), { message: /packet mark/ });
});

test('steering is refused where no priority is free', () => {
  for (const rules of [[rule(0, 'local'), rule(2, '7')], [rule(0, '7'), rule(1, 'local')], [rule(1, 'local')]]) {
    assert.throws(() => planSteering(rules), { message: /priorities/ });
  }
});

test('rules and addresses are read from what ip prints', () => {
  assert.deepEqual(
    parseRules(
      '[{"priority":0,"src":"all","table":"local"},{"priority":9,"src":"all","fwmark":"0x200","fwmask":"0xf00","table":"2004"},{"priority":10,"src":"all","fwmark":"0x1","table":"7"},{"priority":32765,"src":"10.0.0.0","srclen":8,"table":"local"}]',
    ),
    [
      { priority: 0, table: 'local', isUnconditional: true, mark: 0, markMask: 0 },
      { priority: 9, table: '2004', isUnconditional: false, mark: 0x200, markMask: 0xf00 },
      { priority: 10, table: '7', isUnconditional: false, mark: 1, markMask: 0xffffffff },
      { priority: 32765, table: 'local', isUnconditional: false, mark: 0, markMask: 0 },
    ],
  );
  const json =
    '[{"ifname":"lo","mtu":65536,"addr_info":[{"family":"inet","local":"127.0.0.1"},{"family":"inet6","local":"::1"}]},{},{"ifname":"anygate0","mtu":1500,"addr_info":[{"family":"inet","local":"10.0.0.1"}]}]';
  assert.deepEqual(parseAddresses(json, 'anygate0'), { addresses: [0x7f000001], mtu: 1500 });
  assert.equal(parseAddresses(json, 'none').mtu, undefined);
});
