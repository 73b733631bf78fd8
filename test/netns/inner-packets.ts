// Puts packets of any shape into a client's tunnel, past the client's own IP stack, which would not make them.

import { parseIp4 } from '../../src/wire/addr.ts';
import { type Ipv4Fields, ipv4Packet, udpDatagram } from '../wire/packets.ts';
import type { Lab } from './lab.ts';
import type { Box } from './topology.ts';

const INJECT = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0x0800))
for line in sys.stdin:
    s.send(bytes.fromhex(line))
`;

/** Sends `packets` out of `device` of `box` as they are. Needs python3. */
export const inject = async (
  lab: Lab,
  box: Box,
  packets: readonly Uint8Array[],
  device: string = 'sat0',
): Promise<void> => {
  const input = packets.map((packet) => `${Buffer.from(packet).toString('hex')}\n`).join('');
  await lab.run(box, ['python3', '-c', INJECT, device], { input });
};

/** An IPv4 packet by dotted addresses; UDP from port 1000 to 2000 unless `fields` say otherwise. */
export const innerPacket = (from: string, to: string, fields: Partial<Ipv4Fields> = {}): Uint8Array => {
  const src = parseIp4(from)!;
  const dst = parseIp4(to)!;
  const payload = udpDatagram(src, 1000, dst, 2000, Buffer.from('inner'));
  return ipv4Packet({ src, dst, protocol: 17, payload, ...fields });
};

/** `packet` with its octets from `at` on replaced. */
export const altered = (packet: Uint8Array, at: number, ...octets: number[]): Uint8Array => {
  const copy = Uint8Array.from(packet);
  copy.set(octets, at);
  return copy;
};
