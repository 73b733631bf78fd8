// `anygate reload`: the running gateway reads its configuration again, and takes up all of it or nothing.

import { Command } from 'commander';
import { type ErrorCode, errorCatalogue, GatewayError } from '../base/errors.ts';
import { formatProblem, type Problem } from '../control/problem.ts';
import { ask, configOption, detailOf } from './gateway-client.ts';

interface ReloadAnswer {
  readonly warnings?: readonly Problem[];
  readonly code?: string;
}

const reload = async ({ config, json }: { readonly config: string; readonly json?: true }): Promise<void> => {
  const { status, body } = await ask(config, 'POST', '/api/v1/reload');
  const answer = (body ?? {}) as ReloadAnswer;
  if (json) process.stdout.write(`${JSON.stringify(body, undefined, 2)}\n`);
  if (status !== 200) {
    const code = answer.code ?? '';
    throw new GatewayError(
      Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'ERR_UNREACHABLE',
      `nothing was changed, the gateway goes on as before: ${detailOf(body)}`,
    );
  }
  if (json) return;
  for (const warning of answer.warnings ?? []) process.stdout.write(`${formatProblem(config, warning)}\n`);
  process.stdout.write('the configuration is in force\n');
};

/** The command. */
export const reloadCommand = (): Command =>
  new Command('reload')
    .description('let the running gateway read its configuration again, all or nothing; sessions live on')
    .addOption(configOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exits 2 if the new configuration is refused; the gateway then goes on with the one it has.

Example:
  $ anygate check /etc/anygate/anygate.yaml && anygate reload --config /etc/anygate/anygate.yaml`,
    )
    .action(reload);
