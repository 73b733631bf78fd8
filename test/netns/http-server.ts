// A third party that speaks HTTP. GET /N answers N octets that depend on N alone; GET / tells the address it was asked from; PUT
// answers the SHA-256 of what was sent. Arguments: the address and port to listen on.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { bodyOf } from './third-parties.ts';

const [address = '0.0.0.0', port = '80'] = process.argv.slice(2);

createServer((request, response) => {
  if (request.method === 'PUT') {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => response.end(hash.digest('hex')));
    return;
  }
  const length = Number((request.url ?? '/').slice(1));
  response.end(length > 0 ? bodyOf(length) : `${request.socket.remoteAddress}`);
}).listen(Number(port), address);
