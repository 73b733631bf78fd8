// The process of a `UdpAgent`: one UDP socket in a box, driven by messages. Arguments: address and port to bind; a second pair, if
// given, to connect to, for only a connected socket hears of ICMP errors.

import { createSocket } from 'node:dgram';
import type { AgentEvent, AgentOrder } from './udp-agent.ts';

const [address = '0.0.0.0', port = '0', remoteAddress, remotePort] = process.argv.slice(2);
const tell = (event: AgentEvent): void => {
  process.send?.(event);
};

const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.on('message', (data, from) => {
  tell({ kind: 'datagram', text: data.toString('latin1'), address: from.address, port: from.port });
});
socket.on('error', (error) => tell({ kind: 'error', code: (error as NodeJS.ErrnoException).code ?? error.message }));
const listening = (): void => tell({ kind: 'listening', port: socket.address().port });
socket.bind(Number(port), address, () => {
  if (remoteAddress === undefined) listening();
  else socket.connect(Number(remotePort), remoteAddress, listening);
});

process.on('message', ({ text, address: to, port: toPort }: AgentOrder) => {
  const data = Buffer.from(text, 'latin1');
  const done = (error: Error | null): void => {
    if (error) tell({ kind: 'error', code: (error as NodeJS.ErrnoException).code ?? error.message });
  };
  if (remoteAddress === undefined) socket.send(data, toPort, to, done);
  else socket.send(data, done);
});
process.on('disconnect', () => process.exit());
