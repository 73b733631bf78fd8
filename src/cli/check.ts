// `anygate check`: everything that is wrong with a configuration, and what to think about, without starting anything.

import { Command } from 'commander';
import { ExitCode } from '../base/errors.ts';
import { type Config, examineFile } from '../control/config.ts';
import { formatProblem } from '../control/problem.ts';

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;

const describe = (config: Config): string =>
  `${plural(config.clients.length, 'client')}, ${plural(config.relay.addresses.length, 'external address').replace('addresss', 'addresses')}, egress ${config.relay.egress}`;

const check = (file: string, { json }: { readonly json?: true }): void => {
  const { config, problems } = examineFile(file, process.env);
  const errors = problems.filter((p) => p.severity === 'error').length;
  const warnings = problems.length - errors;
  if (json) {
    const ok = config !== undefined;
    process.stdout.write(`${JSON.stringify({ file, ok, errors, warnings, problems }, undefined, 2)}\n`);
  } else {
    for (const problem of problems) process.stdout.write(`${formatProblem(file, problem)}\n`);
    const counts = [errors > 0 ? plural(errors, 'error') : '', warnings > 0 ? plural(warnings, 'warning') : ''];
    const summary = [config === undefined ? '' : `ok, ${describe(config)}`, ...counts].filter((text) => text !== '');
    process.stdout.write(`${file}: ${summary.join(', ')}\n`);
  }
  process.exitCode = config === undefined ? ExitCode.configuration : ExitCode.ok;
};

/** The command. */
export const checkCommand = (): Command =>
  new Command('check')
    .description('report every problem of a configuration; starts and changes nothing')
    .argument('[file]', 'the configuration', './anygate.yaml')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Key files and environment variables (ANYGATE_HTTP__LISTEN=…) count as they would for serve.
Exits 0 if the configuration can be used, warnings or not, and 2 if it cannot.

Example:
  $ anygate check /etc/anygate/anygate.yaml && systemctl reload anygate`,
    )
    .action(check);
