// What a relay must do for a client, as checks that say what went wrong. They know the client's box and the third party, nothing of
// what relays, so that the same checks are held against the reference server.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from './lab.ts';
import { eventually } from './processes.ts';
import { bodyOf } from './third-parties.ts';
import { ADDRESS, type Box } from './topology.ts';
import { UdpAgent, type UdpEndpoint } from './udp-agent.ts';

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const SIZE = 300_000;
let files = 0;

/** Echo requests of several sizes are answered, the largest filling the 1400 octets of the inner MTU. */
export const checkPing = async (lab: Lab, client: Box, to: string = ADDRESS.r1): Promise<void> => {
  assert.ok(await lab.ping(client, to), `${client} pings ${to}`);
  const whole = await lab.ping(client, to, { size: 1372, args: ['-M', 'do'] });
  assert.ok(whole, `${client} pings ${to} with 1400-octet packets`);
};

/**
 * UDP and TCP reach the echo server on port 7 of `to` and come back. Returns the endpoints that the server saw, UDP's first.
 */
export const checkEcho = async (lab: Lab, client: Box, to: string = ADDRESS.r1): Promise<UdpEndpoint[]> => {
  const agent = await UdpAgent.start(lab, client);
  agent.send('hello\n', { address: to, port: 7 });
  await eventually(
    () => `an echo by UDP for ${client}; received ${JSON.stringify(agent.received)}`,
    () => agent.received.length > 0,
  );
  await agent.stop();
  const tcp = await lab.exec(client, ['nc', '-N', '-w', '2', to, '7'], { input: 'hello\n' });
  return [agent.received[0]!.text, tcp.stdout].map((answer) => {
    const match = /^(\S+) (\d+)\nhello\n$/.exec(answer);
    assert.ok(match, `an echo for ${client}: ${answer}${tcp.stderr}`);
    return { address: match[1]!, port: Number(match[2]) };
  });
};

/** HTTP carries a body down and another up, unharmed. */
export const checkHttp = async (lab: Lab, client: Box, to: string = ADDRESS.r1): Promise<void> => {
  const file = join(lab.dir, `http-${files++}`);
  const curl = ['curl', '-sS', '-m', '10'];
  const down = await lab.exec(client, [...curl, '-o', file, '-w', '%{size_download}', `http://${to}/${SIZE}`]);
  assert.equal(down.stdout, `${SIZE}`, `download by ${client}: ${down.stderr}`);
  const hash = await lab.exec(client, ['sha256sum', file]);
  assert.equal(hash.stdout.split(' ')[0], sha256(bodyOf(SIZE)), 'what came down');
  const body = bodyOf(SIZE + 1);
  writeFileSync(file, body);
  const up = await lab.exec(client, [...curl, '-T', file, `http://${to}/`]);
  assert.equal(up.stdout, sha256(body), `upload by ${client}: ${up.stderr}`);
};

interface IperfResult {
  readonly error?: string;
  readonly end?: {
    readonly sum?: { readonly packets: number; readonly lost_packets: number };
    readonly sum_received?: { readonly bytes: number; readonly packets?: number; readonly lost_packets?: number };
  };
}

/** iperf3 moves TCP and UDP, up and then down, to the server on `port` of `to`. */
export const checkIperf = async (lab: Lab, client: Box, port: number, to: string = ADDRESS.r1): Promise<void> => {
  const tcp = ['-n', '4M'];
  // Slow enough for a machine that has other things to do.
  const udp = ['-u', '-b', '4M', '-l', '1200', '-n', '300K'];
  for (const flags of [tcp, [...tcp, '-R'], udp, [...udp, '-R']]) {
    const argv = ['iperf3', '-J', '--connect-timeout', '3000', '-c', to, '-p', `${port}`, ...flags];
    let outcome = await lab.exec(client, argv, { timeout: 20_000 });
    // The server takes a moment to see that the test before has ended.
    for (let i = 0; i < 30 && outcome.stdout.includes('the server is busy'); i++) {
      await sleep(100);
      outcome = await lab.exec(client, argv, { timeout: 20_000 });
    }
    const { stdout, stderr } = outcome;
    const what = `${client}: ${argv.join(' ')}: ${stdout.slice(-600)}${stderr}`;
    const { error, end } = JSON.parse(stdout) as IperfResult;
    assert.equal(error, undefined, what);
    if (flags.includes('-u')) {
      const { packets = 0, lost_packets: lost = 0 } = { ...end?.sum };
      assert.ok(packets > 200 && lost < packets / 10, `${lost} of ${packets} lost; ${what}`);
    } else {
      // What is still on its way when the client has sent everything is not counted.
      assert.ok((end?.sum_received?.bytes ?? 0) > 1_000_000, what);
    }
  }
};
