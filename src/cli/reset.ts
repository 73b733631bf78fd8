// `anygate reset`: the running gateway forgets what it received from one client, which was locked out because it began its numbers
// anew and cannot prove it.

import { Command } from 'commander';
import { type ErrorCode, errorCatalogue, GatewayError } from '../base/errors.ts';
import { ask, configOption, detailOf } from './gateway-client.ts';

interface Options {
  readonly config: string;
  readonly json?: true;
}

const codeOf = (status: number, body: unknown): ErrorCode => {
  if (status === 404) return 'ERR_USAGE';
  const code = (body as { readonly code?: string } | null)?.code ?? '';
  return Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'ERR_UNREACHABLE';
};

const reset = async (client: string, { config, json }: Options): Promise<void> => {
  const { status, body } = await ask(config, 'POST', `/api/v1/clients/${encodeURIComponent(client)}/reset`);
  if (json) process.stdout.write(`${JSON.stringify(body, undefined, 2)}\n`);
  if (status !== 200) throw new GatewayError(codeOf(status, body), `${client} was not reset: ${detailOf(body)}`);
  if (!json) process.stdout.write(`${client} was reset; its next authentic datagram counts as its first\n`);
};

/** The command. */
export const resetCommand = (): Command =>
  new Command('reset')
    .description('let a client in that began its numbers anew and cannot prove it; its sessions live on')
    .argument('<client>', 'its name')
    .addOption(configOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Recorded datagrams of its earlier life can be replayed afterwards, until it has passed their numbers. Start its daemon
before the reset, so that it is the client who speaks first. Exits 2 if there is no such client.

Example:
  $ anygate reset alice --config /etc/anygate/anygate.yaml`,
    )
    .action(reset);
