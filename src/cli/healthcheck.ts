// `anygate healthcheck`: is the gateway ready, as an exit code, for containers that have no curl.

import { Command } from 'commander';
import { ExitCode } from '../base/errors.ts';
import { ask, configOption } from './gateway-client.ts';

interface HealthAnswer {
  readonly status?: string;
  readonly checks?: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

interface HealthcheckOptions {
  readonly config: string;
  readonly live?: true;
  readonly json?: true;
}

const healthcheck = async ({ config, live, json }: HealthcheckOptions): Promise<void> => {
  const { status, body } = await ask(config, 'GET', live ? '/livez' : '/readyz');
  const answer = (body ?? {}) as HealthAnswer;
  if (json) process.stdout.write(`${JSON.stringify(body)}\n`);
  else {
    const failing = (answer.checks ?? []).filter((check) => !check.ok);
    const reasons = failing.map(({ name, detail }) => `${name} (${detail})`).join(', ');
    process.stdout.write(`${answer.status ?? 'unknown'}${reasons === '' ? '' : `: ${reasons}`}\n`);
  }
  process.exitCode = status === 200 ? ExitCode.ok : ExitCode.machine;
};

/** The command. */
export const healthcheckCommand = (): Command =>
  new Command('healthcheck')
    .description('exit 0 if the running gateway is ready, 3 if not')
    .addOption(configOption())
    .option('--live', 'ask only whether the process is alive')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example, in a Dockerfile:
  HEALTHCHECK CMD ["/app/bin/anygate", "healthcheck", "--config", "/etc/anygate/anygate.yaml"]`,
    )
    .action(healthcheck);
