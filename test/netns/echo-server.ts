// A third party for tests: echoes UDP datagrams and TCP streams, each after a line with the sender's address and port as seen from
// here. Arguments: the address and port to listen on.

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [address = '0.0.0.0', portText = '7'] = process.argv.slice(2);
const port = Number(portText);

const udp = createSocket('udp4');
udp.on('message', (data, from) => {
  udp.send(Buffer.concat([Buffer.from(`${from.address} ${from.port}\n`), data]), from.port, from.address);
});
udp.bind(port, address);

createServer((socket) => {
  socket.on('error', () => {});
  socket.write(`${socket.remoteAddress} ${socket.remotePort}\n`);
  socket.pipe(socket);
}).listen(port, address);
