// `anygate status`: how a running gateway stands, in a few lines.

import { Command } from 'commander';
import { GatewayError } from '../base/errors.ts';
import { milliseconds } from '../base/time.ts';
import { formatDuration } from '../control/durations.ts';
import { type Check, clientStates, type GatewayStatus } from '../control/gateway-control.ts';
import { ask, configOption, detailOf } from './gateway-client.ts';

type StatusAnswer = GatewayStatus & { readonly checks: readonly Check[] };

/** The status as people read it. */
export const formatStatus = (status: StatusAnswer): string => {
  const failing = status.checks.filter((check) => !check.ok);
  const state = status.draining ? 'draining' : failing.length === 0 ? 'ready' : 'not ready';
  const uptime = formatDuration(milliseconds(Math.floor(status.uptimeSeconds) * 1000));
  const lines = [
    `${status.node}: ${state}, up for ${uptime} (Anygate ${status.version})`,
    `listens on  ${status.listen.join(' ')}`,
    `egress      ${status.egress}`,
    `shards      ${status.shards}`,
    `clients     ${clientStates.map((name) => `${status.clients[name]} ${name}`).join(', ')}`,
    ...failing.map((check) => `failing     ${check.name}: ${check.detail}`),
  ];
  return `${lines.join('\n')}\n`;
};

const status = async ({ config, json }: { readonly config: string; readonly json?: true }): Promise<void> => {
  const answer = await ask(config, 'GET', '/api/v1/status');
  if (answer.status !== 200)
    throw new GatewayError('ERR_UNREACHABLE', `the gateway answered: ${detailOf(answer.body)}`);
  const body = answer.body as StatusAnswer;
  if (!Array.isArray(body?.checks)) throw new GatewayError('ERR_UNREACHABLE', 'what answers there is not Anygate');
  process.stdout.write(json ? `${JSON.stringify(body, undefined, 2)}\n` : formatStatus(body));
};

/** The command. */
export const statusCommand = (): Command =>
  new Command('status')
    .description('show how the running gateway stands')
    .addOption(configOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example:
  $ anygate status --config /etc/anygate/anygate.yaml`,
    )
    .action(status);
