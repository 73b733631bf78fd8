// Sends the datagrams of a file at a bounded rate. Arguments: the file (each datagram after its length as a big-endian uint16), the
// address and port to send to, datagrams a second, and the local port, 0 for any.

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [file = '', address = '', port = '', rate = '1000', localPort = '0'] = process.argv.slice(2);
const data = readFileSync(file);
const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', sendBufferSize: 4 << 20 });
await new Promise<void>((resolve) => socket.bind(Number(localPort), resolve));

let sent = 0;
let failed = 0;
const start = performance.now();
for (let at = 0; at < data.length; ) {
  const due = ((performance.now() - start) * Number(rate)) / 1000;
  const waits: Promise<void>[] = [];
  while (sent + failed < due && at < data.length && waits.length < 64) {
    const length = data.readUInt16BE(at);
    const datagram = data.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    waits.push(
      new Promise((resolve) => {
        socket.send(datagram, Number(port), address, (error) => {
          if (error) failed++;
          else sent++;
          resolve();
        });
      }),
    );
  }
  if (waits.length === 0) await sleep(1);
  else await Promise.all(waits);
}
socket.close();
console.log(JSON.stringify({ sent, failed }));
