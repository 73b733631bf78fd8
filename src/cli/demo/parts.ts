// The programs that run inside the demonstration's namespaces, because a process is in one network at a time: the third party, and the
// probes that the client's host runs. Each prints JSON lines for the process that started it.

import { createSocket } from 'node:dgram';
import { createServer, get } from 'node:http';
import { GatewayError } from '../../base/errors.ts';
import { formatIp4, type Ip4, parseIp4 } from '../../wire/addr.ts';
import { ping, watchEchoRequests } from './icmp.ts';
import { greetingTo, ServicePort } from './services.ts';
import type { Sighting } from './sighting.ts';

const PATIENCE_MS = 2000;
const UDP_TRIES = 3;

/** A line of the third party: what it saw, or that it serves. */
export type ThirdPartyLine = { readonly saw: Sighting } | { readonly ready: true };

const print = (line: unknown): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
const printLine = (line: ThirdPartyLine): void => print(line);

/** Serves `address` until the process is ended. */
const serveThirdParty = async (address: Ip4): Promise<void> => {
  const host = formatIp4(address);
  const see = (protocol: Sighting['protocol'], from: string, port: number, what: string): void =>
    printLine({ saw: { protocol, address: from, port, what } });
  watchEchoRequests((echo) => see('icmp', formatIp4(echo.from), echo.id, `echo request ${echo.sequence}`));
  const udp = createSocket('udp4');
  udp.on('message', (data, from) => {
    see('udp', from.address, from.port, data.toString());
    udp.send(greetingTo(`${from.address}:${from.port}`), from.port, from.address);
  });
  const http = createServer((request, response) => {
    const { remoteAddress = '', remotePort = 0 } = request.socket;
    see('tcp', remoteAddress, remotePort, `${request.method} ${request.url} HTTP/${request.httpVersion}`);
    response.setHeader('content-type', 'text/plain').setHeader('connection', 'close');
    response.end(`${greetingTo(`${remoteAddress}:${remotePort}`)}\n`);
  });
  await new Promise<void>((resolve) => udp.bind(ServicePort.udp, host, resolve));
  await new Promise<void>((resolve) => http.listen(ServicePort.http, host, resolve));
  printLine({ ready: true });
};

/** Sends `text` and returns the answer; UDP may lose either, so it tries again. */
const askByUdp = (address: Ip4, text: string): Promise<string | null> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    let tries = 0;
    const finish = (answer: string | null): void => {
      clearInterval(timer);
      socket.close();
      resolve(answer);
    };
    const send = (): void => {
      if (tries++ < UDP_TRIES) socket.send(text, ServicePort.udp, formatIp4(address), () => {});
      else finish(null);
    };
    const timer = setInterval(send, PATIENCE_MS / 2);
    socket.on('error', () => finish(null));
    socket.on('message', (data) => finish(data.toString()));
    send();
  });

const askByHttp = (address: Ip4): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, body: error.message });
    const request = get({ host: formatIp4(address), port: ServicePort.http, agent: false, timeout: 2 * PATIENCE_MS });
    request.on('error', fail);
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('error', fail).on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });

/** Runs the program `name` against, or at, an IPv4 address. @throws {GatewayError} ERR_USAGE */
export const runPart = async (name: string, address: string, text = ''): Promise<void> => {
  const target = parseIp4(address);
  if (target === undefined) throw new GatewayError('ERR_USAGE', `"${address}" is no IPv4 address`);
  if (name === 'third-party') await serveThirdParty(target);
  else if (name === 'ping') print(await ping(target, 3, PATIENCE_MS));
  else if (name === 'udp') print({ answer: await askByUdp(target, text) });
  else if (name === 'http') print(await askByHttp(target));
  else throw new GatewayError('ERR_USAGE', `the demonstration has no part "${name}"`);
};
