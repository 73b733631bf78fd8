// The laboratory itself: that its network is what it says, and that it relays when no part of ours is in it.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { parseLine } from './capture.ts';
import { parseMetrics } from './gateway.ts';
import { Lab } from './lab.ts';
import { execute, succeed } from './processes.ts';
import { startReferenceServer } from './reference-server.ts';
import { ADDRESS, BOXES, INNER } from './topology.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'conntrack', 'tcpdump', 'ping', 'nc', 'anytun', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

test('a line of tcpdump is parsed with and without ports', () => {
  assert.deepEqual(parseLine('12.5 IP 10.0.0.1.53 > 10.0.0.2.4444: UDP, length 5'), {
    time: 12.5,
    src: '10.0.0.1',
    srcPort: 53,
    dst: '10.0.0.2',
    dstPort: 4444,
    info: 'UDP, length 5',
  });
  assert.deepEqual(parseLine('12.5 IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 1, length 64'), {
    time: 12.5,
    src: '10.0.0.1',
    dst: '10.0.0.2',
    info: 'ICMP echo request, id 7, seq 1, length 64',
  });
  assert.equal(parseLine('12.5 IP6 2001:db8::1.9 > 2001:db8::2.10: UDP, length 5')?.srcPort, 9);
  assert.equal(parseLine('12.5 ARP, Request who-has 10.0.0.1'), undefined);
});

test('metrics are parsed by series', () => {
  const text = '# HELP a_total x\n# TYPE a_total counter\na_total{direction="in bound"} 3\nb 1.5e3\n';
  assert.deepEqual(
    [...parseMetrics(text)],
    [
      ['a_total{direction="in bound"}', 3],
      ['b', 1500],
    ],
  );
});

test('clients reach the gateway through their routers, over both families', { skip }, async () => {
  await using lab = await Lab.create();
  for (const client of ['c1', 'c2'] as const) {
    assert.ok(await lab.ping(client, ADDRESS.gw), `${client} to gw`);
    assert.ok(await lab.ping(client, ADDRESS.gw6), `${client} to gw by IPv6`);
    assert.ok(await lab.ping(client, ADDRESS.r2), `${client} to r2`);
  }
  assert.ok(!(await lab.ping('r1', ADDRESS.c1, { count: 1 })), 'a third party has no way to a client');
  assert.ok(!(await lab.ping('r1', INNER.gw, { count: 1 })), 'a third party has no way to inner addresses');
});

test('a moved client appears from another address or port', { skip }, async () => {
  await using lab = await Lab.create();
  const capture = await lab.capture('gw', 'isp', 'udp port 4444');
  const send = (text: string) =>
    lab.exec('c1', ['nc', '-u', '-w', '1', '-p', '5555', ADDRESS.gw, '4444'], { input: text, timeout: 3000 });
  await send('first');
  const first = await capture.waitFor('the first', (p) => p.info.endsWith('length 5'));
  assert.equal(first.src, lab.publicAddress('c1'));
  await lab.moveClient('c1', 'port');
  await send('second');
  const second = await capture.waitFor('the second', (p) => p.info.endsWith('length 6'));
  assert.equal(second.src, first.src);
  assert.notEqual(second.srcPort, first.srcPort);
  await lab.moveClient('c1');
  await send('thethird');
  const third = await capture.waitFor('the third', (p) => p.info.endsWith('length 8'));
  assert.notEqual(third.src, first.src);
  assert.equal(third.src, lab.publicAddress('c1'));
  assert.ok(await lab.ping('c1', ADDRESS.gw6), 'IPv6 moved too');
});

for (const daemon of ['uanytun', 'anytun'] as const) {
  test(`control: a relay of other parts carries ${daemon}'s ICMP, UDP and TCP to a third party`, { skip }, async () => {
    await using lab = await Lab.create();
    const external = '198.51.100.10';
    const passphrase = 'a laboratory passphrase';
    await startReferenceServer(lab, { passphrase, mux: 7, external });
    await lab.startEcho('r1', 7);
    const client = await lab.startClient({ box: 'c1', daemon, passphrase, mux: 7 });
    const capture = await lab.capture('r1', 'isp', 'ip');

    assert.ok(await lab.ping('c1', INNER.gw), client.log());
    assert.ok(await lab.ping('c1', ADDRESS.r1), client.log());
    assert.ok(await lab.ping('c1', ADDRESS.r1, { size: 1372, args: ['-M', 'do'] }), 'a 1400-octet inner packet');
    for (const protocol of ['-u', '-t']) {
      const flags = protocol === '-u' ? ['-u', '-w', '1'] : ['-N', '-w', '2'];
      const { stdout } = await lab.exec('c1', ['nc', ...flags, ADDRESS.r1, '7'], { input: 'hello\n' });
      assert.match(stdout, new RegExp(`^${external} \\d+\nhello\n`), `echo by ${protocol}`);
    }
    const packets = await capture.stop();
    assert.ok(packets.length > 8);
    for (const { src } of packets) assert.ok([external, ADDRESS.r1].includes(src), `r1 saw ${src}`);

    assert.ok(client.isRunning);
    const again = await client.restart({ senderId: 9 });
    assert.ok(await lab.ping('c1', ADDRESS.r1), again.log());
  });
}

test('a laboratory leaves no namespace, process or file behind', { skip }, async () => {
  const lab = await Lab.create();
  const client = await lab.startClient({ box: 'c1', passphrase: 'a laboratory passphrase' });
  const sleeper = lab.spawn('r1', ['sleep', '1000']);
  const names = BOXES.map((box) => lab.namespace(box));
  const isLeft = async () =>
    (await succeed(['ip', 'netns'])).split('\n').filter((line) => names.includes(line.split(' ')[0]!));
  assert.equal((await isLeft()).length, BOXES.length);
  await lab[Symbol.asyncDispose]();
  assert.deepEqual(await isLeft(), []);
  assert.ok(!client.isRunning && !sleeper.isRunning);
  assert.ok(!existsSync(`/proc/${sleeper.pid}`));
  assert.ok(!existsSync(lab.dir));
});

test('a laboratory goes with a test process that is interrupted, throws or is killed', { skip }, async () => {
  const leftBy = (pid: number): string[] =>
    ['/run/netns', '/tmp'].flatMap((dir) =>
      readdirSync(dir).filter((name) => new RegExp(`^(ag|anygate-lab-)${pid}-`).test(name)),
    );
  const script = (end: string) => `
    import { Lab } from '${import.meta.dirname}/lab.ts';
    const lab = await Lab.create();
    lab.spawn('c1', ['sleep', '1000']);
    console.log(process.pid);
    ${end}
    setInterval(() => {}, 1000);`;
  for (const end of ['process.kill(process.pid, "SIGINT");', 'throw new Error("on purpose");']) {
    const { code, stdout } = await execute([process.execPath, '--input-type=module-typescript', '-e', script(end)]);
    assert.notEqual(code, 0);
    assert.deepEqual(leftBy(Number(stdout)), [], end);
  }
  const end = 'process.kill(process.pid, "SIGKILL");';
  const { stdout } = await execute([process.execPath, '--input-type=module-typescript', '-e', script(end)]);
  assert.notDeepEqual(leftBy(Number(stdout)), [], 'nothing can clean up then');
  await (await Lab.create())[Symbol.asyncDispose]();
  assert.deepEqual(leftBy(Number(stdout)), [], 'the next laboratory did');
});
