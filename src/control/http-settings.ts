// Where a configuration says that HTTP is served, and nothing more: what the commands need that talk to a running gateway. They work
// for a user who may not read the keys, and while the rest of the file is being mended.

import { readFileSync } from 'node:fs';
import { GatewayError } from '../base/errors.ts';
import type { Config } from './config.ts';
import { applyOverride, readOverrides, variableAt } from './env-overrides.ts';
import { formatProblem, Report } from './problem.ts';
import { resolveHttp } from './resolve-http.ts';
import { checkShape } from './schema-check.ts';
import { parseYaml } from './yaml-source.ts';

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GatewayError('ERR_CONFIG', `${file}: cannot be read (${code}); name the file with --config`, { cause });
  }
};

/**
 * Reads `http` of the configuration in `file`. A token file that cannot be read leaves the token away: most requests need none.
 *
 * @throws {GatewayError} ERR_CONFIG if the file cannot be read or `http.listen` cannot be used.
 */
export const loadHttpSettings = (
  file: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config['http'] => {
  const source = parseYaml(read(file));
  if (!('lineOf' in source))
    throw new GatewayError('ERR_CONFIG', source.map(({ line, message }) => `${file}:${line}: ${message}`).join('\n'));
  const { overrides } = readOverrides(environment);
  const report = new Report(source.lineOf, (path) => variableAt(overrides, path));
  const raw = checkShape(overrides.reduce(applyOverride, source.value), report);
  const http = resolveHttp(raw.http, file, report);
  const problem = report.problems.find((p) => p.severity === 'error' && /^http(\.listen)?$/.test(p.path));
  if (http !== undefined && problem === undefined) return http;
  const message = problem === undefined ? `${file}: http.listen cannot be used` : formatProblem(file, problem);
  throw new GatewayError('ERR_CONFIG', message);
};
