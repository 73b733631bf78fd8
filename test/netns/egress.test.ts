// Real clients through the two other modes of egress: `shared`, where the pool is the host's own address, and `masquerade`, where the
// host's packet filter translates once more.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { checkEcho, checkHttp, checkPing } from './checks.ts';
import { Lab } from './lab.ts';
import { agreement, clientOptions, startGateway } from './setup.ts';
import { startHttp } from './third-parties.ts';
import { ADDRESS, INNER } from './topology.ts';
import { UdpAgent } from './udp-agent.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'ping', 'nc', 'curl', 'traceroute', 'anytun', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

const BOXES = ['c1', 'c2'] as const;
const DAEMON = { c1: 'uanytun', c2: 'anytun' } as const;

suite('egress other than routed', { skip }, () => {
  const agreements = {
    c1: agreement({ name: 'alice', box: 'c1', mux: 7 }),
    c2: agreement({ name: 'bob', box: 'c2', mux: 8 }),
  };
  let lab: Lab;

  before(async () => {
    lab = await Lab.create();
    await Promise.all([lab.startEcho('r1', 7), startHttp(lab, 'r1'), lab.startEcho('gw', 9)]);
    await Promise.all(BOXES.map((box) => lab.startClient({ ...clientOptions(agreements[box]), daemon: DAEMON[box] })));
  });
  after(() => lab?.[Symbol.asyncDispose]());

  const relays = async (ports: readonly [low: number, high: number]): Promise<void> => {
    await Promise.all(
      BOXES.map(async (box) => {
        await checkPing(lab, box);
        await checkHttp(lab, box);
        for (const seen of await checkEcho(lab, box)) {
          assert.equal(seen.address, ADDRESS.gw);
          assert.ok(seen.port >= ports[0] && seen.port <= ports[1], `port ${seen.port}`);
        }
      }),
    );
    const agent = await UdpAgent.start(lab, 'c1', { remote: { address: ADDRESS.r1, port: 99 } });
    agent.send('is anybody there?');
    await agent.error('ECONNREFUSED');
    await agent.stop();
    const { stdout } = await lab.exec('c1', ['traceroute', '-n', '-q', '1', '-w', '2', ADDRESS.r1]);
    const hops = [...stdout.matchAll(/^ *(\d+) {2}(\S+)/gm)].map((match) => match[2]);
    assert.deepEqual(hops, [INNER.gw, ADDRESS.isp, ADDRESS.r1], stdout);
  };

  /** The host's own traffic is as it would be without a gateway. */
  const hostIsItself = async (): Promise<void> => {
    assert.ok(await lab.ping('gw', ADDRESS.r1));
    assert.ok(await lab.ping('r1', ADDRESS.gw));
    const out = await lab.exec('gw', ['nc', '-N', '-w', '2', ADDRESS.r1, '7'], { input: 'out\n' });
    assert.match(out.stdout, new RegExp(`^${ADDRESS.gw} \\d+\nout\n`));
    const into = await lab.exec('r1', ['nc', '-N', '-w', '2', ADDRESS.gw, '9'], { input: 'in\n' });
    assert.match(into.stdout, /\nin\n/);
  };

  test('egress: shared: third parties see the host’s own address and the reserved ports, and may speak first', async () => {
    const relay = { egress: 'shared', pool: [ADDRESS.gw], ports: '50000-50999' };
    const gateway = await startGateway(lab, Object.values(agreements), { relay });
    await relays([50_000, 50_999]);
    await hostIsItself();

    const friend = await UdpAgent.start(lab, 'r1', { port: 5000 });
    const stranger = await UdpAgent.start(lab, 'r2', { port: 5001 });
    const application = await UdpAgent.start(lab, 'c1');
    application.send('hello', { address: ADDRESS.r1, port: 5000 });
    const { from: external } = await friend.receive('hello');
    stranger.send('unsolicited', external);
    assert.deepEqual((await application.receive('unsolicited')).from, { address: ADDRESS.r2, port: 5001 });
    await Promise.all([friend, stranger, application].map((agent) => agent.stop()));
    await gateway.stop();
  });

  test('egress: masquerade: third parties see the host’s own address', async () => {
    const relay = { egress: 'masquerade', pool: ['10.200.0.0/29'] };
    const gateway = await startGateway(lab, Object.values(agreements), { relay });
    await relays([1024, 65_535]);
    await hostIsItself();
    await gateway.stop();
  });
});
