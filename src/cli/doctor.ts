// `anygate doctor`: examines machine and configuration and says what to mend. Exit 0 if nothing fails, 3 otherwise.

import { existsSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ExitCode } from '../base/errors.ts';
import { examineFile } from '../control/config.ts';
import { examine } from '../control/doctor.ts';
import type { NamedFinding, Patient } from '../control/finding.ts';
import { hostSystem } from '../control/host-system.ts';
import { formatProblem } from '../control/problem.ts';

const DEFAULT_FILE = './anygate.yaml';

const readFile = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

const patientOf = (file: string | undefined): Patient => {
  const base = { system: hostSystem, readFile, nodeVersion: process.versions.node };
  const configFile = file ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  if (configFile === undefined) return base;
  const { config, problems } = examineFile(configFile, process.env);
  if (config !== undefined) return { ...base, configFile, config };
  const errors = problems.filter(({ severity }) => severity === 'error');
  return { ...base, configFile, configProblem: errors.map((problem) => formatProblem(configFile, problem)).join('; ') };
};

const WORDS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

/** The findings as people read them: a line each, the cure below. */
export const formatFindings = (findings: readonly NamedFinding[]): string => {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, status, detail, cure }) => [
    `${WORDS[status]}  ${name.padEnd(width)}  ${detail}`,
    ...(cure === undefined ? [] : [`      ${' '.repeat(width)}  → ${cure}`]),
  ]);
  const count = (status: NamedFinding['status']): number => findings.filter((f) => f.status === status).length;
  return `${lines.join('\n')}\n\n${count('ok')} ok, ${count('warn')} warnings, ${count('fail')} failures\n`;
};

const doctor = async ({ config, json }: { config?: string; json?: boolean }): Promise<void> => {
  const findings = await examine(patientOf(config));
  const failed = findings.some(({ status }) => status === 'fail');
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ status: failed ? 'fail' : 'ok', checks: findings }, undefined, 2)}\n`
      : formatFindings(findings),
  );
  process.exitCode = failed ? ExitCode.machine : ExitCode.ok;
};

/** The command. */
export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('examine this machine and say what to mend; changes nothing')
    .option('-c, --config <file>', `the configuration (default: "${DEFAULT_FILE}" if it is there)`)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing fails, 3 something does. Warnings do not count.

Example:
  $ sudo anygate doctor --config /etc/anygate/anygate.yaml`,
    )
    .action(doctor);
