// Sends prepared datagrams from a box: replays, mutations, noise. With `disguise` they arrive under another's address.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { ADDRESS, type Box } from './topology.ts';
import type { UdpEndpoint } from './udp-agent.ts';

let files = 0;

/** Sends `datagrams` from `box` to the gateway and resolves when all have been handed to the kernel there. */
export const sendDatagrams = async (
  lab: Lab,
  box: Box,
  datagrams: readonly Uint8Array[],
  options: { rate?: number; localPort?: number; to?: UdpEndpoint } = {},
): Promise<void> => {
  const { rate = 2000, localPort = 0, to = { address: ADDRESS.gw, port: 4444 } } = options;
  const file = join(lab.dir, `datagrams-${files++}`);
  const parts: Uint8Array[] = [];
  for (const datagram of datagrams) {
    parts.push(Uint8Array.of(datagram.length >> 8, datagram.length & 255), datagram);
  }
  writeFileSync(file, Buffer.concat(parts));
  const script = join(import.meta.dirname, 'datagram-sender.ts');
  const out = await lab.run(
    box,
    [process.execPath, script, file, to.address, `${to.port}`, `${rate}`, `${localPort}`],
    { timeout: 15_000 + Math.ceil(datagrams.length / rate) * 4000 },
  );
  const { sent, failed } = JSON.parse(out) as { sent: number; failed: number };
  if (sent !== datagrams.length) throw new Error(`${box} sent ${sent} of ${datagrams.length}, ${failed} failed`);
};

/**
 * From now on what `box` sends to the gateway's port appears, on its way through `isp`, to come from `endpoint`: a forged source.
 * Answers go to that endpoint. Returns what ends it.
 */
export const disguise = async (lab: Lab, box: 'r1' | 'r2', endpoint: UdpEndpoint): Promise<() => Promise<void>> => {
  const table = `disguise_${box}`;
  await lab.run('isp', ['nft', '-f', '-'], {
    input: `table ip ${table} {
      chain post {
        type filter hook postrouting priority 300;
        ip saddr ${ADDRESS[box]} ip daddr ${ADDRESS.gw} udp dport 4444 ip saddr set ${endpoint.address} udp sport set ${endpoint.port}
      }
    }\n`,
  });
  return async () => {
    await lab.run('isp', ['nft', 'delete', 'table', 'ip', table]);
  };
};
