// A relay made of parts that are not ours: an anytun server, the kernel's forwarding and nft's source NAT to one pool address. What
// works through it and not through the gateway is the gateway's fault, not the laboratory's.

import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { eventually, type RunningProcess, succeed } from './processes.ts';
import { ADDRESS, INNER } from './topology.ts';

/** Starts it in `gw` for one client. The client's role is right. */
export const startReferenceServer = async (
  lab: Lab,
  options: { passphrase: string; mux: number; external: string; port?: number },
): Promise<RunningProcess> => {
  const { port = 4444 } = options;
  const log = join(lab.dir, 'reference-server.log');
  const server = lab.spawn('gw', [
    ...['anytun', '-D', '-L', `file:5,${log}`, '-i', ADDRESS.gw, '-p', `${port}`, '-t', 'tun'],
    ...['-d', 'sat0', '-m', `${options.mux}`, '-e', 'left', '-E', options.passphrase],
  ]);
  await eventually('the device', async () => (await lab.exec('gw', ['ip', 'link', 'show', 'sat0'])).code === 0);
  await succeed(['ip', '-n', lab.namespace('gw'), '-batch', '-'], {
    input: `addr add ${INNER.gw}/24 dev sat0\nlink set sat0 mtu 1400 up\n`,
  });
  await lab.run('gw', ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  await lab.run('gw', ['nft', '-f', '-'], {
    input: `table ip reference {
      chain post {
        type nat hook postrouting priority srcnat;
        ip saddr 10.99.0.0/24 oifname "isp" snat to ${options.external}
      }
    }\n`,
  });
  await lab.listening('gw', 'udp', port);
  return server;
};
