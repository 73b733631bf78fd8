// The API under /api/v1: the tables a page at a time, the status, reload, and reset of a client. It only asks the gateway; who may ask is settled before.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type AccessRules, refuseApi } from './access.ts';
import type { GatewayControl, Page, PageQuery } from './gateway-control.ts';
import { sendProblem } from './problem-json.ts';

const DEFAULT_LIMIT = 100;
const LARGEST_LIMIT = 1000;
const LARGEST_CURSOR = 2 ** 32;

/** A number of the query string: `undefined` if it is none, or not within the bounds. */
const numberOf = (value: unknown, fallback: number, low: number, high: number): number | undefined => {
  if (value === undefined) return fallback;
  if (typeof value !== 'string' || !/^\d{1,10}$/.test(value)) return undefined;
  const n = Number(value);
  return n >= low && n <= high ? n : undefined;
};

const pageQuery = (request: FastifyRequest): PageQuery | string => {
  const query = request.query as Record<string, unknown>;
  const unknown = Object.keys(query).find((name) => name !== 'limit' && name !== 'cursor');
  if (unknown !== undefined) return 'the only parameters are limit and cursor';
  const limit = numberOf(query['limit'], DEFAULT_LIMIT, 1, LARGEST_LIMIT);
  if (limit === undefined) return `limit must be between 1 and ${LARGEST_LIMIT}`;
  const cursor = numberOf(query['cursor'], 0, 0, LARGEST_CURSOR);
  return cursor === undefined ? 'cursor must be what the page before gave as next' : { limit, cursor };
};

type Table = 'clients' | 'mappings' | 'sessions' | 'pools';
const TABLES: readonly Table[] = ['clients', 'mappings', 'sessions', 'pools'];

const readTable = (gateway: GatewayControl, table: Table, query: PageQuery): Promise<Page<unknown>> =>
  gateway[table](query);

/** Adds the API for whoever passes `rules`. */
export const addApi = (app: FastifyInstance, gateway: GatewayControl, rules: AccessRules): void => {
  app.register(
    async (api) => {
      api.addHook('onRequest', async (request, reply) => {
        const refusal = refuseApi(rules, request.headers);
        if (refusal === undefined) return;
        if (refusal.status === 401) reply.header('www-authenticate', 'Bearer');
        return sendProblem(reply, refusal.status, refusal.detail);
      });
      api.get('/status', () => ({ ...gateway.status(), checks: gateway.health() }));
      for (const table of TABLES)
        api.get(`/${table}`, async (request, reply) => {
          const query = pageQuery(request);
          if (typeof query === 'string') return sendProblem(reply, 400, query);
          const { rows, next } = await readTable(gateway, table, query);
          return { [table]: rows, next: next === null ? null : String(next) };
        });
      api.post('/reload', async (_, reply) => {
        const result = await gateway.reload();
        if (result.applied) return result;
        const { code, message, problems } = result;
        return sendProblem(reply, 422, message, { code, problems });
      });
      api.post<{ Params: { name: string } }>('/clients/:name/reset', async (request, reply) => {
        const { name } = request.params;
        if (await gateway.resetClient(name)) return { reset: name };
        return sendProblem(reply, 404, `there is no client ${JSON.stringify(name)}`);
      });
    },
    { prefix: '/api/v1' },
  );
};
