// Captured datagrams of a client, sent again: by a stranger from an address of his own, or under the very address of the client;
// while the client talks, is silent, has gone, has restarted, or when it is the gateway that has. They deliver nothing, move
// nothing, reset nothing. The judges are captures at the third parties and on the gateway's underlay.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { assertNone } from './capture.ts';
import type { TunnelClient } from './client.ts';
import { disguise, sendDatagrams } from './datagrams.ts';
import type { RunningGateway } from './gateway.ts';
import { Lab } from './lab.ts';
import { readDatagrams, satpHeader } from './pcap.ts';
import { agreement, clientOptions, growth, startGateway, total } from './setup.ts';
import { ADDRESS } from './topology.ts';
import { UdpAgent, type UdpEndpoint } from './udp-agent.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'conntrack', 'tcpdump', 'ping', 'anytun', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

/** Packets of the client's first life: more than the replay window of 1024, so that old numbers are below, in and above it. */
const FIRST_LIFE = 1300;
/** Datagrams a second. */
const RATE = 4000;

for (const daemon of ['uanytun', 'anytun'] as const) {
  suite(`replayed datagrams of ${daemon}`, { skip }, () => {
    const agreed = agreement({ name: 'alice', box: 'c1', mux: 7 });
    let lab: Lab;
    let gateway: RunningGateway;
    let client: TunnelClient;
    let friend: UdpAgent;
    let application: UdpAgent;
    /** Where the client's application is to be reached by third parties. */
    let external: UdpEndpoint;
    /** The datagrams of the client's first life, and where they came from. */
    let old: Uint8Array[];
    let origin: UdpEndpoint;
    let words = 0;

    /** The application speaks, so that its external endpoint exists and is known. */
    const speak = async (): Promise<void> => {
      const text = `word ${words++}`;
      application.send(text, { address: ADDRESS.r1, port: friend.port });
      external = (await friend.receive(text)).from;
    };
    /** A third party speaks first: only with the client's right endpoint does it get through. */
    const reach = async (): Promise<void> => {
      const text = `word ${words++}`;
      friend.send(text, external);
      await application.receive(text);
    };

    before(async () => {
      lab = await Lab.create();
      gateway = await startGateway(lab, [agreed]);
      friend = await UdpAgent.start(lab, 'r1', { port: 5000 });
      application = await UdpAgent.start(lab, 'c1', { port: 6000 });
      const recording = await lab.capture('gw', 'isp', `udp dst port 4444 and src host ${lab.publicAddress('c1')}`);
      client = await lab.startClient({ ...clientOptions(agreed), daemon });
      assert.ok(await lab.ping('c1', ADDRESS.r1));
      const flood = ['ping', '-n', '-q', '-i', '0.001', '-c', `${FIRST_LIFE}`, ADDRESS.r1];
      await lab.run('c1', flood, { timeout: 20_000 });
      for (let i = 0; i < 30; i++) await speak();
      await recording.stop();
      const datagrams = readDatagrams(recording.file);
      old = datagrams.map(({ payload }) => payload);
      origin = { address: datagrams[0]!.src, port: datagrams[0]!.srcPort };
      assert.ok(old.length > FIRST_LIFE + 25);
      assert.deepEqual(satpHeader(datagrams[0]!.payload), { sequence: 0, senderId: 0, mux: 7 });
    });
    after(() => lab?.[Symbol.asyncDispose]());

    interface Aftermath {
      /** What the counters did meanwhile. */
      readonly counted: Map<string, number>;
      /** Octets of the datagrams that the gateway sent to the stranger. */
      readonly answers: number[];
    }

    /** Lets a stranger send the old datagrams, and holds that none had an effect. */
    const replay = async (from: 'his own address' | "the client's address"): Promise<Aftermath> => {
      const outside = await lab.capture('gw', 'isp', 'ip and src net 198.51.100.0/24');
      const underlay = await lab.capture('gw', 'isp', `udp and src host ${ADDRESS.gw}`);
      const earlier = await gateway.metrics();
      const end = from === 'his own address' ? undefined : await disguise(lab, 'r2', origin);
      const start = performance.now();
      try {
        await sendDatagrams(lab, 'r2', old, { rate: RATE, localPort: 4444 });
      } finally {
        await end?.();
      }
      const seconds = (performance.now() - start) / 1000;
      const counted = growth(earlier, await gateway.metrics());
      assertNone(await outside.stop(), 'delivered to third parties');
      assert.equal(total(counted, 'anygate_relay_packets_total', 'outbound'), 0, 'relayed');
      assert.equal(total(counted, 'anygate_tunnel_roams_total'), 0, 'moved');
      assert.equal(total(counted, 'anygate_tunnel_restarts_total'), 0, 'reset');
      // What it takes in by way of answered challenges is all that is not refused.
      const refused = total(counted, 'anygate_dropped_packets_total', 'reason="satp_');
      assert.ok(refused >= old.length, `${refused} of ${old.length} counted`);
      const sent = await underlay.stop();
      const answers = sent.filter((p) => p.dst === ADDRESS.r2).map((p) => Number(/length (\d+)/.exec(p.info)?.[1]));
      assert.ok(answers.length <= seconds + 1, `${answers.length} answers in ${seconds} s`);
      for (const octets of answers) assert.ok(octets <= Math.max(...old.map((d) => d.length)), `${octets} octets`);
      return { counted, answers };
    };

    const PLACES = ['his own address', "the client's address"] as const;

    for (const place of PLACES) {
      test(`from ${place} while the client is silent: nothing, and third parties still reach it`, async () => {
        await speak();
        await replay(place);
        await reach();
        await speak();
        assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 10 }));
      });

      test(`from ${place} while the client talks: it loses nothing`, async () => {
        const talking = lab.exec('c1', ['ping', '-n', '-q', '-i', '0.01', '-c', '100', '-W', '1', ADDRESS.r1]);
        const underlay = await lab.capture('gw', 'isp', `udp and src host ${ADDRESS.gw}`);
        const end = place === 'his own address' ? undefined : await disguise(lab, 'r2', origin);
        const earlier = await gateway.metrics();
        await sendDatagrams(lab, 'r2', old, { rate: RATE, localPort: 4444 });
        await end?.();
        assert.match((await talking).stdout, / 100 received/);
        const counted = growth(earlier, await gateway.metrics());
        assert.equal(total(counted, 'anygate_tunnel_roams_total'), 0);
        assert.equal(total(counted, 'anygate_tunnel_restarts_total'), 0);
        const astray = (await underlay.stop()).filter((p) => p.dst !== origin.address && p.dst !== ADDRESS.r2);
        assertNone(astray, 'astray');
        await reach();
      });
    }

    // What follows is the gateway's doing alone: one daemon is enough.
    if (daemon === 'anytun') return;

    for (const place of PLACES) {
      test(`from ${place} when the client has gone: nothing`, async () => {
        await speak();
        await client.stop();
        await replay(place);
        client = await client.restart();
        // It has started over; that is proved anew each time.
        assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 1, args: ['-i', '0.1', '-w', '2'] }));
        await speak();
        await reach();
      });

      test(`from ${place} after the client has restarted at number 0: nothing`, async () => {
        await replay(place);
        await reach();
        await speak();
        assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 20 }));
      });
    }

    test('from his own address after the client has restarted and moved: nothing', async () => {
      await lab.moveClient('c1');
      client = await client.restart();
      assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 1, args: ['-i', '0.1', '-w', '2'] }));
      await speak();
      await replay('his own address');
      await reach();
      // The old address is a stranger's by now.
      await replay("the client's address");
      await reach();
    });

    for (const place of PLACES) {
      test(`from ${place} after the gateway has restarted and the client has spoken: nothing`, async () => {
        await gateway.stop();
        gateway = await gateway.startAgain();
        assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 1, args: ['-i', '0.1', '-w', '2'] }));
        await speak();
        await replay(place);
        await reach();
      });

      test(`from ${place} after the gateway has restarted, before the client speaks: nothing`, async () => {
        await gateway.stop();
        gateway = await gateway.startAgain();
        await replay(place);
        assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 1, args: ['-i', '0.1', '-w', '2'] }));
        await speak();
        await reach();
      });
    }
  });
}
