// The gateway's HTTP side is a unix socket here, because that can be reached from every namespace. This asks it, and opens a door to it
// on the machine's loopback address for a browser.

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AccessRules, refuseRebinding } from '../../control/access.ts';

const HOST = '127.0.0.1';
const PREFERRED_PORT = 9464;
const PATIENCE_MS = 5000;

/** What came back; status 0 means nothing did. */
export interface LocalResponse {
  readonly status: number;
  readonly body: string;
}

/** Asks for `path` at the unix socket `socket`. */
export const requestLocally = (socket: string, path: string): Promise<LocalResponse> =>
  new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, body: error.message });
    const asked = request({ socketPath: socket, path, agent: false, timeout: PATIENCE_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('error', fail).on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on('error', fail).on('timeout', () => asked.destroy(new Error('no answer')));
    asked.end();
  });

/** A TCP port on loopback that leads to a unix socket. */
export class HttpDoor {
  readonly #server: Server;
  /** With a slash at the end. */
  readonly url: string;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://${HOST}:${port}/`;
  }

  /** Opens the gateway's usual port, or any other if that is taken. */
  static async open(socket: string): Promise<HttpDoor> {
    const server = createServer((asked, answer) => pass(socket, asked, answer));
    const listen = (port: number): Promise<void> =>
      new Promise((resolve, reject) => {
        server.once('error', reject).listen(port, HOST, () => {
          server.off('error', reject);
          resolve();
        });
      });
    await listen(PREFERRED_PORT).catch(() => listen(0));
    return new HttpDoor(server, (server.address() as AddressInfo).port);
  }

  /** Closes it and sends away whoever is in it. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** What the gateway asks of its visitors on loopback it cannot ask on a unix socket, so the door does. */
const RULES: AccessRules = {
  listen: { kind: 'tcp', isLoopback: true, family: 4, address: HOST, port: PREFERRED_PORT },
};

const pass = (socket: string, asked: IncomingMessage, answer: ServerResponse): void => {
  const refusal = refuseRebinding(RULES, asked.headers);
  if (refusal !== undefined) {
    answer.writeHead(refusal.status).end(`${refusal.detail}\n`);
    return;
  }
  const { method, url, headers } = asked;
  const inner = request({ socketPath: socket, path: url, method, headers, agent: false }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  inner.on('error', () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
  asked.pipe(inner);
};
