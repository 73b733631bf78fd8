// Health as machines ask for it. `/livez`: the process turns. `/readyz`, and `/healthz` by its old name: an opened packet can leave and
// its answer can come back, which is what a load balancer or a BGP speaker acts on.

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { GatewayControl } from './gateway-control.ts';

/** One line of an answer. */
interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const answer = (reply: FastifyReply, checks: readonly HealthCheck[]): FastifyReply => {
  const isOk = checks.every((check) => check.ok);
  return reply.code(isOk ? 200 : 503).send({
    status: isOk ? 'ok' : 'unavailable',
    checks: checks.map(({ name, ok, detail }) => ({ name, ok, detail })),
  });
};

/** Adds the health routes. They need no token. */
export const addHealth = (app: FastifyInstance, gateway: GatewayControl): void => {
  app.get('/livez', (_, reply) => {
    const uptime = Math.floor(process.uptime());
    return answer(reply, [{ name: 'process', ok: true, detail: `up for ${uptime} s` }]);
  });
  for (const path of ['/readyz', '/healthz']) app.get(path, (_, reply) => answer(reply, gateway.health()));
};
