// What the gateway is for: unmodified daemons, each behind a masquerading router, reach third parties through it and are reached.
// One gateway serves every test of this file; each round connects both daemons at once, each in its own box.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { assertNone, type Capture } from './capture.ts';
import { checkEcho, checkHttp, checkIperf, checkPing } from './checks.ts';
import type { ClientOptions, TunnelClient } from './client.ts';
import type { RunningGateway } from './gateway.ts';
import { Lab } from './lab.ts';
import { type Agreement, agreement, clientOptions, growth, startGateway, total } from './setup.ts';
import { startHttp, startIperf } from './third-parties.ts';
import { ADDRESS, type ClientBox, INNER } from './topology.ts';
import { UdpAgent } from './udp-agent.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'conntrack', 'tcpdump', 'ping', 'nc', 'curl', 'iperf3'];
const TOOLS = ['traceroute', 'tracepath', 'anytun', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: [...COMMANDS, ...TOOLS] });

const BOXES = ['c1', 'c2'] as const;
const DAEMON = { c1: 'uanytun', c2: 'anytun' } as const;
const IPERF_PORT = { c1: 5201, c2: 5202 } as const;
const POOL = /^198\.51\.100\.(10|1[6-9]|2[0-3])$/;

/** A round: what it is called, what both clients are configured with beyond their mux, and what only the daemons are told. */
interface Round {
  readonly title: string;
  readonly mux: Record<ClientBox, number>;
  readonly parameters?: Partial<Agreement>;
  readonly key?: () => Partial<Agreement>;
  readonly options?: Partial<ClientOptions>;
}

const hex = (octets: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(octets))).toString('hex');

const ROUNDS: readonly Round[] = [
  { title: 'default options', mux: { c1: 7, c2: 8 } },
  {
    title: 'aes-256, kdf 256, tag 20',
    mux: { c1: 9, c2: 10 },
    parameters: { cipher: 'aes-ctr-256', kdf: 'aes-ctr-256', tag: 20 },
  },
  {
    title: 'aes-192, tag 8',
    mux: { c1: 11, c2: 12 },
    parameters: { cipher: 'aes-ctr-192', kdf: 'aes-ctr-192', tag: 8 },
  },
  { title: 'explicit key and salt', mux: { c1: 13, c2: 14 }, key: () => ({ key: hex(16), salt: hex(14) }) },
  { title: 'mux 0 beside mux 65535', mux: { c1: 0, c2: 65535 } },
  { title: 'clients with a replay window of 64', mux: { c1: 15, c2: 16 }, options: { window: 64 } },
];

const agreements = ROUNDS.map((round, i) => {
  const agree = (box: ClientBox, n: number): Agreement =>
    agreement({
      name: `client-${round.mux[box]}`,
      box,
      mux: round.mux[box],
      inner: `10.99.0.${10 + 2 * i + n}`,
      ...round.parameters,
      ...round.key?.(),
    });
  return { c1: agree('c1', 0), c2: agree('c2', 1) };
});

suite('relaying for the real daemons', { skip }, () => {
  let lab: Lab;
  let gateway: RunningGateway;
  let strangers: Capture[];
  const clients: Partial<Record<ClientBox, TunnelClient>> = {};

  before(async () => {
    lab = await Lab.create();
    gateway = await startGateway(
      lab,
      agreements.flatMap(({ c1, c2 }) => [c1, c2]),
    );
    await Promise.all([
      lab.startEcho('r1', 7),
      startHttp(lab, 'r1'),
      ...BOXES.map((box) => startIperf(lab, 'r1', IPERF_PORT[box])),
    ]);
    const known =
      'src host (198.51.100.10 or 203.0.113.10 or 203.0.113.11 or 203.0.113.42) or src net 198.51.100.16/29';
    strangers = await Promise.all(
      (['r1', 'r2'] as const).map((box) => lab.capture(box, 'isp', `ip and not (${known})`)),
    );
  });
  after(() => lab?.[Symbol.asyncDispose]());

  const connect = async (round: number, changes: Partial<ClientOptions> = {}): Promise<void> => {
    await Promise.all(
      BOXES.map(async (box) => {
        await clients[box]?.stop();
        const options = { ...clientOptions(agreements[round]![box]), daemon: DAEMON[box], ...changes };
        clients[box] = await lab.startClient({ ...options, ...ROUNDS[round]!.options });
      }),
    );
  };

  const relays = async (box: ClientBox): Promise<void> => {
    assert.ok(await lab.ping(box, INNER.gw), `${box} pings the gateway: ${clients[box]!.log()}${gateway.log()}`);
    await checkPing(lab, box);
    const [udp, tcp] = await checkEcho(lab, box);
    assert.match(udp!.address, POOL);
    assert.equal(tcp!.address, udp!.address, 'paired pooling (RFC 4787 REQ-2)');
    await checkHttp(lab, box);
    await checkIperf(lab, box, IPERF_PORT[box]);
  };

  for (const [i, { title }] of ROUNDS.entries()) {
    test(`uanytun and anytun at once, ${title}: ICMP, UDP and TCP both ways, 1400-octet packets`, async () => {
      const earlier = await gateway.metrics();
      await connect(i);
      await Promise.all(BOXES.map(relays));
      const grown = growth(earlier, await gateway.metrics());
      assert.ok(total(grown, 'anygate_tunnel_packets_total', 'outbound') > 4000);
      assert.ok(total(grown, 'anygate_tunnel_packets_total', 'inbound') > 4000);
      for (const protocol of ['udp', 'tcp', 'icmp']) {
        assert.ok(total(grown, 'anygate_relay_packets_total', `protocol="${protocol}"`) > 3, protocol);
      }
      for (const series of grown.keys()) assert.doesNotMatch(series, /dropped.*"(satp|inner|policy)_/);
    });
  }

  test('the daemons change places: mux 65535 beside mux 0', async () => {
    const round = ROUNDS.findIndex(({ mux }) => mux.c1 === 0);
    await Promise.all(
      BOXES.map(async (box) => {
        await clients[box]?.stop();
        // The client of this box takes the agreement of the other, so that each daemon has had each mux.
        const other = agreements[round]![box === 'c1' ? 'c2' : 'c1'];
        clients[box] = await lab.startClient({ ...clientOptions(other), box, daemon: DAEMON[box], senderId: 1 });
      }),
    );
    await Promise.all(BOXES.map(relays));
  });

  test('both daemons reach the gateway over IPv6', async () => {
    await connect(0, { remote: ADDRESS.gw6, senderId: 1 });
    await Promise.all(BOXES.map(relays));
  });

  test('a client goes on when it moves from IPv6 to IPv4', async () => {
    await connect(0, { senderId: 2 });
    await Promise.all(BOXES.map((box) => checkPing(lab, box)));
  });

  test('the gateway is exactly one hop (RFC 1812 §5.3.1) of UDP, ICMP and TCP, and tracepath works', async () => {
    const trace = async (mode: string): Promise<void> => {
      const argv = ['traceroute', '-n', '-q', '1', '-w', '2', mode, ADDRESS.r1];
      const { stdout } = await lab.exec('c1', argv);
      const hops = [...stdout.matchAll(/^ *(\d+) {2}(\S+)/gm)].map((match) => match[2]);
      assert.deepEqual(hops, [INNER.gw, ADDRESS.isp, ADDRESS.r1], `traceroute ${mode}: ${stdout}`);
    };
    await Promise.all([trace('-U'), trace('-I'), trace('-T')]);
    const { stdout } = await lab.exec('c1', ['tracepath', '-n', ADDRESS.r1]);
    assert.match(stdout, /Resume: pmtu 1400 hops 3/);
  });

  test('an ICMP port unreachable of a third party reaches the application (RFC 5508 REQ-4)', async () => {
    const before = await gateway.metrics();
    const agent = await UdpAgent.start(lab, 'c1', { remote: { address: ADDRESS.r1, port: 9 } });
    agent.send('is anybody there?');
    await agent.error('ECONNREFUSED');
    const grown = growth(before, await gateway.metrics());
    assert.equal(total(grown, 'anygate_icmp_errors_translated_total', 'direction="inbound"'), 1);
    await agent.stop();
  });

  test('an ICMP port unreachable of a client reaches the third party’s application (RFC 5508 REQ-5)', async () => {
    const client = await UdpAgent.start(lab, 'c1');
    const gate = await UdpAgent.start(lab, 'r1');
    client.send('where from?', { address: ADDRESS.r1, port: gate.port });
    const { from } = await gate.receive('where from?');
    await client.stop();
    const caller = await UdpAgent.start(lab, 'r1', { remote: from });
    caller.send('still there?');
    await caller.error('ECONNREFUSED');
    await Promise.all([gate.stop(), caller.stop()]);
  });

  test('one external endpoint for every destination, open to whoever sends there (RFC 4787 REQ-1, REQ-8)', async () => {
    const client = await UdpAgent.start(lab, 'c1', { port: 40_000 });
    const [a, b, c, stranger] = await Promise.all([
      UdpAgent.start(lab, 'r1', { address: ADDRESS.r1, port: 5000 }),
      UdpAgent.start(lab, 'r1', { address: ADDRESS.r1b, port: 5001 }),
      UdpAgent.start(lab, 'r2', { port: 5002 }),
      UdpAgent.start(lab, 'r2', { port: 5003 }),
    ]);
    client.send('a', { address: ADDRESS.r1, port: 5000 });
    client.send('b', { address: ADDRESS.r1b, port: 5001 });
    client.send('c', { address: ADDRESS.r2, port: 5002 });
    const { from: external } = await a.receive('a');
    assert.match(external.address, POOL);
    assert.deepEqual((await b.receive('b')).from, external);
    assert.deepEqual((await c.receive('c')).from, external);
    stranger.send('unsolicited', external);
    assert.deepEqual((await client.receive('unsolicited')).from, { address: ADDRESS.r2, port: 5003 });
    client.send('answer', { address: ADDRESS.r2, port: 5003 });
    assert.deepEqual((await stranger.receive('answer')).from, external);
    await Promise.all([client, a, b, c, stranger].map((agent) => agent.stop()));
  });

  test('two clients with the same internal port get different external endpoints (RFC 4787 REQ-3)', async () => {
    const gate = await UdpAgent.start(lab, 'r1', { port: 5000 });
    const both = await Promise.all(BOXES.map((box) => UdpAgent.start(lab, box, { port: 41_000 })));
    for (const agent of both) agent.send(agent.box, { address: ADDRESS.r1, port: 5000 });
    const [one, two] = await Promise.all(both.map((agent) => gate.receive(agent.box)));
    assert.notDeepEqual(one!.from, two!.from);
    gate.send('for c1', one!.from);
    gate.send('for c2', two!.from);
    await Promise.all([both[0]!.receive('for c1'), both[1]!.receive('for c2')]);
    assert.deepEqual(
      both.map((agent) => agent.received.length),
      [1, 1],
    );
    await Promise.all([gate, ...both].map((agent) => agent.stop()));
  });

  test('client reaches client through external endpoints, which are the source it sees (RFC 4787 REQ-9)', async () => {
    const gate = await UdpAgent.start(lab, 'r1', { port: 5000 });
    const [one, two] = await Promise.all(BOXES.map((box) => UdpAgent.start(lab, box)));
    one!.send('one', { address: ADDRESS.r1, port: 5000 });
    two!.send('two', { address: ADDRESS.r1, port: 5000 });
    const external = { one: (await gate.receive('one')).from, two: (await gate.receive('two')).from };
    const outside = await lab.capture('gw', 'isp', 'ip and src net 198.51.100.0/24');
    const earlier = await gateway.metrics();
    one!.send('across', external.two);
    assert.deepEqual((await two!.receive('across')).from, external.one);
    two!.send('and back', external.one);
    assert.deepEqual((await one!.receive('and back')).from, external.two);
    const grown = growth(earlier, await gateway.metrics());
    assert.equal(total(grown, 'anygate_nat_hairpin_packets_total', 'protocol="udp"'), 2);
    assertNone(await outside.stop(), 'it never leaves the gateway');
    await Promise.all([gate, one!, two!].map((agent) => agent.stop()));
  });

  test('third parties have seen pool addresses only, and the gateway had nothing to complain of', async () => {
    for (const capture of strangers) assertNone(await capture.stop(), 'not of the pool');
    const levels = gateway.log().matchAll(/"level":(\d+|"\w+")/g);
    for (const [, level] of levels) assert.ok(Number(level) < 50 || /info|warn|debug/.test(level!), gateway.log());
    assert.equal((await gateway.http('/readyz')).status, 200);
    await gateway.stop();
  });
});
