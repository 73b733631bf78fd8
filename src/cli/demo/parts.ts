// The two programs that run inside the demonstration's namespaces, because a process is in one network at a time: the third party, and
// the prober on the client's host. They speak JSON lines with the process that started them.

import { createSocket } from 'node:dgram';
import { createServer, get } from 'node:http';
import { createInterface } from 'node:readline';
import { formatIp4, type Ip4, parseIp4 } from '../../wire/addr.ts';
import { type PingResult, ping, watchEchoRequests } from './icmp.ts';
import { greetingTo, ServicePort } from './services.ts';
import type { Sighting } from './sighting.ts';

const PATIENCE_MS = 2000;
const UDP_TRIES = 3;
const PINGS = 3;

/** A line of the third party: what it saw, or that it serves. */
export type ThirdPartyLine = { readonly saw: Sighting } | { readonly ready: true };

/** A line to the prober; the address is that of whom to ask. */
export type Probe = { readonly address: string } & (
  | { readonly kind: 'ping' | 'http' }
  | { readonly kind: 'udp'; readonly text: string }
);

/** The prober's answers, one line to each line of its own. */
export interface ProbeResults {
  readonly ping: PingResult;
  readonly udp: string | null;
  readonly http: { readonly status: number; readonly body: string };
}

const print = (line: ThirdPartyLine | ProbeResults[keyof ProbeResults]): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Serves `address` until the process is ended. */
export const serveThirdParty = async (address: Ip4): Promise<void> => {
  const host = formatIp4(address);
  const see = (protocol: Sighting['protocol'], from: string, port: number, what: string): void =>
    print({ saw: { protocol, address: from, port, what } });
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
  print({ ready: true });
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

const askByHttp = (address: Ip4): Promise<ProbeResults['http']> =>
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

const probe = (line: Probe): Promise<ProbeResults[keyof ProbeResults]> => {
  const address = parseIp4(line.address)!;
  if (line.kind === 'ping') return ping(address, PINGS, PATIENCE_MS);
  return line.kind === 'udp' ? askByUdp(address, line.text) : askByHttp(address);
};

/** Takes probes from standard input, one after the other, until it ends. */
export const serveProbes = async (): Promise<void> => {
  for await (const line of createInterface({ input: process.stdin })) print(await probe(JSON.parse(line) as Probe));
};
