// Whatever a stranger sends to the gateway is counted and unanswered; whatever a client sends through its tunnel that it may not is
// counted and goes nowhere.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { parseIp4 } from '../../src/wire/addr.ts';
import { requires } from '../support/requires.ts';
import { icmpMessage, tcpSegment, udpDatagram } from '../wire/packets.ts';
import { assertNone } from './capture.ts';
import type { TunnelClient } from './client.ts';
import { sendDatagrams } from './datagrams.ts';
import type { RunningGateway } from './gateway.ts';
import { altered, inject, innerPacket } from './inner-packets.ts';
import { Lab } from './lab.ts';
import { mutations } from './mutations.ts';
import { readDatagrams } from './pcap.ts';
import { eventually } from './processes.ts';
import { agreement, clientOptions, dropped, gatewayFiles, growth, startGateway, total } from './setup.ts';
import { ADDRESS, INNER } from './topology.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'conntrack', 'tcpdump', 'ping', 'python3', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

const MiB = 1024 * 1024;
const HOSTILE = 100_000;
const RATE = 20_000;
const OUTSIDE = 'ip and not udp port 4444';

suite('hostile input', { skip }, () => {
  const alice = agreement({ name: 'alice', box: 'c1', mux: 7 });
  const bob = agreement({ name: 'bob', box: 'c2', mux: 8 });
  let lab: Lab;
  let gateway: RunningGateway;
  let client: TunnelClient;

  before(async () => {
    lab = await Lab.create();
    gateway = await startGateway(lab, [alice, bob]);
    client = await lab.startClient(clientOptions(alice));
    assert.ok(await lab.ping('c1', ADDRESS.r1), `${client.log()}${gateway.log()}`);
  });
  after(() => lab?.[Symbol.asyncDispose]());

  /** Datagrams from `box` that have reached the UDP layer of the gateway's box, and those it then had no room for. */
  const udpArrivals = async (): Promise<{ arrived: number; overflowed: number }> => {
    const [names, values] = (await lab.run('gw', ['cat', '/proc/net/snmp']))
      .split('\n')
      .filter((line) => line.startsWith('Udp:'))
      .map((line) => line.split(' '));
    const of = (name: string): number => Number(values![names!.indexOf(name)]);
    // What overflows is in InErrors, too, and not in InDatagrams.
    return { arrived: of('InDatagrams') + of('InErrors'), overflowed: of('RcvbufErrors') };
  };

  const resident = (metrics: ReadonlyMap<string, number>): number => metrics.get('process_resident_memory_bytes')!;

  test(`${HOSTILE} random and mutated datagrams: each counted, none answered, memory flat`, async () => {
    const recording = await lab.capture('gw', 'isp', 'udp dst port 4444');
    await lab.run('c1', ['ping', '-n', '-q', '-i', '0.005', '-c', '100', '-s', '200', ADDRESS.r1]);
    await lab.run('c1', ['ping', '-n', '-q', '-i', '0.01', '-c', '10', '-s', '1372', ADDRESS.r1]);
    await recording.stop();
    const originals = readDatagrams(recording.file).map(({ payload }) => payload);
    assert.ok(originals.length >= 110);

    // The first few thousand warm up whatever is warmed up once.
    await sendDatagrams(lab, 'r1', mutations(originals, 5000, 1), { rate: RATE });
    const datagrams = mutations(originals, HOSTILE, 2);
    const answers = await lab.capture('gw', 'isp', `src host ${ADDRESS.gw} and dst host ${ADDRESS.r1}`);
    const outside = await lab.capture('gw', 'isp', 'ip and src net 198.51.100.0/24');
    const before = { metrics: await gateway.metrics(), ...(await udpArrivals()) };
    await sendDatagrams(lab, 'r1', datagrams, { rate: RATE });
    const arrivals = await udpArrivals();
    const arrived = arrivals.arrived - before.arrived;
    const overflowed = arrivals.overflowed - before.overflowed;
    assert.equal(arrived, HOSTILE, 'the path to the gateway lost some');
    let counted = new Map<string, number>();
    const drops = (): number => total(counted, 'anygate_dropped_packets_total', 'direction="outbound"');
    await eventually(
      () => `${HOSTILE} counted; ${overflowed} overflowed, ${drops()} dropped: ${JSON.stringify([...counted])}`,
      async () => {
        counted = growth(before.metrics, await gateway.metrics());
        return drops() + overflowed === HOSTILE;
      },
    );
    assert.equal(total(counted, 'anygate_socket_receive_drops_total'), overflowed);
    for (const reason of ['satp_truncated', 'satp_unknown_mux', 'satp_bad_tag']) {
      assert.ok(dropped(counted, reason) > 3000, `${reason}: ${JSON.stringify([...counted])}`);
    }
    assert.equal(total(counted, 'anygate_tunnel_packets_total'), 0);
    assert.equal(total(counted, 'anygate_tunnel_challenges_total'), 0);
    assertNone(await answers.stop(), 'answers');
    assertNone(await outside.stop(), 'outside');
    const grown = resident(await gateway.metrics()) - resident(before.metrics);
    assert.ok(grown < 24 * MiB, `resident memory grew by ${grown} octets`);
    assert.equal(total(await gateway.metrics(), 'anygate_shard_restarts_total'), 0);
    assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 5 }));
  });

  test('right datagrams of an unknown mux are dropped before any cryptography and never answered', async () => {
    const stranger = agreement({ name: 'stranger', box: 'c2', mux: 9 });
    const carol = await lab.startClient(clientOptions(stranger));
    const answers = await lab.capture('gw', 'isp', `src host ${ADDRESS.gw} and dst host ${lab.publicAddress('c2')}`);
    const before = await gateway.metrics();
    assert.ok(!(await lab.ping('c2', ADDRESS.r1, { count: 5, args: ['-W', '0.3'] })));
    const counted = growth(before, await gateway.metrics());
    assert.equal(dropped(counted, 'satp_unknown_mux'), 5);
    assertNone(await answers.stop(), 'answers');
    await carol.stop();
  });

  test('a client with a wrong key is not answered', async () => {
    const mallory = await lab.startClient(clientOptions(agreement({ name: 'mallory', box: 'c2', mux: 7 })));
    const answers = await lab.capture('gw', 'isp', `src host ${ADDRESS.gw} and dst host ${lab.publicAddress('c2')}`);
    const before = await gateway.metrics();
    assert.ok(!(await lab.ping('c2', ADDRESS.r1, { count: 5, args: ['-W', '0.3'] })));
    // Its numbers are low, so the replay window may refuse them before the tag does.
    const counted = growth(before, await gateway.metrics());
    assert.equal(dropped(counted, 'satp_bad_tag') + dropped(counted, 'satp_replayed'), 5);
    assert.equal(total(counted, 'anygate_tunnel_roams_total'), 0);
    assertNone(await answers.stop(), 'answers');
    await mallory.stop();
    assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 5 }));
  });

  test('an inner packet from an address that is not the client’s is dropped and counted', async () => {
    const outside = await lab.capture('gw', 'isp', OUTSIDE);
    for (const foreign of ['10.77.0.1', INNER.c2, INNER.gw]) {
      await lab.run('c1', ['ip', 'address', 'add', `${foreign}/32`, 'dev', 'sat0']);
      const before = await gateway.metrics();
      assert.ok(!(await lab.ping('c1', ADDRESS.r1, { count: 4, args: ['-I', foreign, '-W', '0.3'] })));
      const counted = growth(before, await gateway.metrics());
      assert.equal(dropped(counted, 'inner_source_spoofed'), 4, foreign);
      assert.equal(total(counted, 'anygate_relay_packets_total'), 0);
      await lab.run('c1', ['ip', 'address', 'del', `${foreign}/32`, 'dev', 'sat0']);
    }
    assertNone(await outside.stop(), 'outside');
    assert.ok(await lab.ping('c1', ADDRESS.r1));
  });

  /** Sends the packets through the tunnel of alice; each must be dropped for its reason, and nothing leaves. */
  const refused = async (cases: readonly (readonly [reason: string, what: string, packet: Uint8Array])[]) => {
    const expected: Record<string, number> = {};
    for (const [reason] of cases) expected[reason] = (expected[reason] ?? 0) + 1;
    const outside = await lab.capture('gw', 'isp', OUTSIDE);
    const before = await gateway.metrics();
    await inject(
      lab,
      'c1',
      cases.map(([, , packet]) => packet),
    );
    let reasons: Record<string, number> = {};
    await eventually(
      () => `all are counted; wanted ${JSON.stringify(expected)}, had ${JSON.stringify(reasons)}`,
      async () => {
        reasons = {};
        const counted = growth(before, await gateway.metrics());
        for (const [series, count] of counted) {
          const reason = /anygate_dropped_packets_total\{.*reason="(\w+)"/.exec(series)?.[1];
          if (reason !== undefined) reasons[reason] = count;
        }
        return Object.values(reasons).reduce((sum, n) => sum + n, 0) >= cases.length;
      },
    );
    assert.deepEqual(reasons, expected);
    assertNone(await outside.stop(), 'outside');
    assert.equal(total(await gateway.metrics(), 'anygate_shard_restarts_total'), 0);
  };

  const to = (destination: string) => innerPacket(INNER.c1, destination);
  const [me, r1] = [parseIp4(INNER.c1)!, parseIp4(ADDRESS.r1)!];

  test('inner packets for the gateway’s host, its loopback, its link or a group are refused, whatever is allowed', async () => {
    await refused([
      ['policy_reserved', 'the host', to(ADDRESS.gw)],
      ['policy_reserved', 'loopback', to('127.0.0.1')],
      ['policy_reserved', 'this network', to('0.0.0.0')],
      ['policy_reserved', 'link-local', to('169.254.169.254')],
      ['policy_reserved', 'multicast', to('224.0.0.1')],
      ['policy_reserved', 'class E', to('240.0.0.1')],
      ['policy_reserved', 'broadcast', to('255.255.255.255')],
      ['local_unsupported', 'the inner address', to(INNER.gw)],
    ]);
  });

  test('inner packets that are not whole, or of no use, are dropped for what is wrong with them', async () => {
    const good = to(ADDRESS.r1);
    const icmp = (type: number) =>
      innerPacket(INNER.c1, ADDRESS.r1, { protocol: 1, payload: icmpMessage(type, 0, 0, me12) });
    const me12 = new Uint8Array(12);
    await refused([
      ['inner_malformed', 'a wrong header checksum', altered(good, 10, good[10]! ^ 1)],
      ['inner_malformed', 'a total length beyond the end', altered(good, 2, 0, good.length + 1)],
      ['inner_malformed', 'a header of 4 words', altered(good, 0, 0x44)],
      ['inner_malformed', 'half a header', good.subarray(0, 12)],
      ['inner_unsupported', 'IPv6', altered(new Uint8Array(40), 0, 0x60)],
      ['nat_fragment', 'a fragment', innerPacket(INNER.c1, ADDRESS.r1, { flagsOffset: 0x2001 })],
      ['nat_unsupported_protocol', 'GRE', innerPacket(INNER.c1, ADDRESS.r1, { protocol: 47 })],
      ['nat_malformed', 'half a UDP header', innerPacket(INNER.c1, ADDRESS.r1, { payload: new Uint8Array(4) })],
      ['nat_icmp_unsupported', 'a timestamp request', icmp(13)],
      [
        'nat_not_syn',
        'a TCP segment of no session',
        innerPacket(INNER.c1, ADDRESS.r1, { protocol: 6, payload: tcpSegment(me, 1, r1, 2, 0x10) }),
      ],
      [
        'nat_malformed',
        'a UDP length beyond the end',
        innerPacket(INNER.c1, ADDRESS.r1, {
          payload: altered(udpDatagram(me, 1, r1, 2, new Uint8Array(9)), 4, 0, 99),
        }),
      ],
    ]);
    assert.ok(await lab.ping('c1', ADDRESS.r1));
  });

  test('reserved destinations are refused unless the operator allows them', async () => {
    const { yaml, files } = gatewayFiles(lab, [alice, bob], { policy: { allowReserved: false } });
    await gateway.stop();
    gateway = await lab.startGateway(yaml, { files });
    await eventually('alice is back', () => lab.ping('c1', INNER.gw, { count: 1 }));
    const destinations = [ADDRESS.r1, ADDRESS.isp, '10.0.0.1', '100.64.0.1', '172.16.0.1', '192.168.0.1', '198.18.0.1'];
    const outside = await lab.capture('gw', 'isp', OUTSIDE);
    const before = await gateway.metrics();
    await inject(lab, 'c1', destinations.map(to));
    await eventually('all are counted', async () => {
      const counted = growth(before, await gateway.metrics());
      return dropped(counted, 'policy_reserved') === destinations.length;
    });
    assertNone(await outside.stop(), 'outside');
    await gateway.stop();
  });
});
