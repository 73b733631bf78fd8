// The HTTP side: health, metrics, status page and API on http.listen. It shares nothing with the data path but counters in memory, and
// knows the gateway only as a GatewayControl.

import { lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, createConnection } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import type { Logger } from 'pino';
import { GatewayError } from '../base/errors.ts';
import { type AccessRules, refuseRebinding } from './access.ts';
import { addApi } from './api.ts';
import type { GatewayControl } from './gateway-control.ts';
import { addHealth } from './health.ts';
import { formatHttpListen, formatListenAddress } from './listen-address.ts';
import { createMetrics } from './metrics.ts';
import { sendProblem } from './problem-json.ts';
import { PAGE_POLICY, statusPage } from './status-page.ts';

/** A request has this long to arrive whole. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Connections that say nothing are closed, and more than these are not taken: scrapes and people need few. */
const IDLE_TIMEOUT_MS = 5000;
const MOST_CONNECTIONS = 256;
/** No route takes a body; what comes along anyway is read up to this many octets, and ignored. */
const BODY_LIMIT = 16_384;

/** A server that answers. */
export interface HttpServer {
  /** As `http.listen` writes it, with the port that was taken if it was 0. */
  readonly address: string;
  /** Stops answering; open connections are cut. */
  close(): Promise<void>;
}

const addErrors = (app: FastifyInstance, log: Logger): void => {
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    const allowed = ['GET', 'POST'].filter((method) => app.hasRoute({ url: path, method }));
    if (allowed.length === 0) return sendProblem(reply, 404, 'there is nothing at this path');
    reply.header('allow', allowed.join(', '));
    return sendProblem(reply, 405, `this path answers ${allowed.join(' and ')} only`);
  });
  app.setErrorHandler((error: Error & { readonly statusCode?: number }, _, reply) => {
    if (error instanceof GatewayError) return sendProblem(reply, 503, error.message, { code: error.code });
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) return sendProblem(reply, status, error.message);
    log.error({ err: error }, 'an HTTP request failed');
    return sendProblem(reply, 500, 'this is a bug; the log has the details');
  });
};

/** The server with all its routes, not listening yet. */
export const createHttp = (gateway: GatewayControl, rules: AccessRules, log: Logger): FastifyInstance => {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: 3 * REQUEST_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  const metrics = createMetrics(gateway);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined));
  app.addHook('onSend', async (_, reply) => {
    reply.header('cache-control', 'no-store');
    reply.header('x-content-type-options', 'nosniff');
    reply.header('cross-origin-resource-policy', 'same-origin');
  });
  addErrors(app, log);
  addHealth(app, gateway);
  app.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  app.get('/', (request, reply) => {
    const refusal = refuseRebinding(rules, request.headers);
    if (refusal !== undefined) return sendProblem(reply, refusal.status, refusal.detail);
    reply.header('content-security-policy', PAGE_POLICY);
    reply.header('referrer-policy', 'no-referrer');
    return reply.type('text/html; charset=utf-8').send(statusPage(gateway));
  });
  addApi(app, gateway, rules);
  return app;
};

const isAnswering = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Removes the socket that a gateway left behind when it was killed, and nothing else. */
const removeStaleSocket = async (path: string): Promise<void> => {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket())
    throw new GatewayError('ERR_HTTP_LISTEN', `http.listen: ${path} exists and is no socket; remove it`);
  if (await isAnswering(path))
    throw new GatewayError('ERR_HTTP_LISTEN', `http.listen: somebody listens on ${path} already`);
  unlinkSync(path);
};

/** Binds the socket so that it is nobody else’s from its first moment on: the mask counts when `bind` makes the file. */
const listenUnix = async (app: FastifyInstance, path: string): Promise<void> => {
  await removeStaleSocket(path);
  await app.ready();
  await new Promise<void>((resolve, reject) => {
    app.server.once('error', reject);
    app.server.once('listening', () => resolve());
    const mask = process.umask(0o177);
    try {
      app.server.listen(path);
    } finally {
      process.umask(mask);
    }
  });
};

/** Serves `gateway` on `rules.listen`. @throws {GatewayError} ERR_HTTP_LISTEN */
export const startHttp = async (gateway: GatewayControl, rules: AccessRules, log: Logger): Promise<HttpServer> => {
  const app = createHttp(gateway, rules, log);
  const { listen } = rules;
  try {
    if (listen.kind === 'unix') await listenUnix(app, listen.path);
    else await app.listen({ host: listen.address, port: listen.port });
  } catch (cause) {
    await app.close();
    if (cause instanceof GatewayError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new GatewayError('ERR_HTTP_LISTEN', `http.listen: cannot listen on ${formatHttpListen(listen)} (${code})`, {
      cause,
    });
  }
  const address =
    listen.kind === 'unix'
      ? formatHttpListen(listen)
      : formatListenAddress({ ...listen, port: (app.server.address() as AddressInfo).port });
  return {
    address,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
};
