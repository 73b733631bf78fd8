// Checks of files: the configuration, the state directory, and who may read secrets.

import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import { type Check, fail, ok, warn } from './finding.ts';
import { parseYaml } from './yaml-source.ts';

const configuration: Check = ({ config, configFile, configProblem }) => {
  if (configProblem !== undefined) return fail(configProblem, `anygate check ${configFile}`);
  if (config === undefined || configFile === undefined) {
    return warn('there is none, so only the machine was examined', 'anygate init');
  }
  return ok(`${configFile}: ${config.clients.length} clients`);
};

const isAllowed = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

const WRITE_IN = constants.W_OK | constants.X_OK;

const state: Check = async ({ config }) => {
  if (config === undefined) return ok('not known without a configuration');
  const path = config.node.stateDir;
  if (!isAllowed(path, constants.F_OK)) {
    let above = dirname(resolve(path));
    while (!isAllowed(above, constants.F_OK)) above = dirname(above);
    return isAllowed(above, WRITE_IN)
      ? ok(`${path} will be made`)
      : fail(`${path} does not exist, and this user may not make it in ${above}`, `install -d -m 700 ${path}`);
  }
  if (!isAllowed(path, WRITE_IN)) return fail(`this user may not write in ${path}`, `chown "$(id -un)" ${path}`);
  const { openStateDir } = await import('../io/state-dir.ts');
  try {
    openStateDir(path).release();
    return ok(`${path} can be written and locked`);
  } catch (error) {
    const inUse = error instanceof GatewayError && error.message.includes('another gateway');
    return inUse ? ok(`${path} is in use by a running gateway`) : fail((error as Error).message);
  }
};

interface SecretSource {
  readonly file: string;
  readonly what: string;
}

/** Files with secrets that `text` names and that exist: of what does not exist the name may be the secret itself. */
const secretFiles = (text: string, configFile: string): SecretSource[] => {
  const source = parseYaml(text);
  if (!('value' in source)) return [];
  const { clients, http } = (source.value ?? {}) as { clients?: unknown; http?: { tokenFile?: unknown } };
  const entries = (Array.isArray(clients) ? clients : []) as (Record<string, unknown> | null)[];
  const named = [
    ...entries.flatMap((client) => [client?.['passphraseFile'], client?.['keyFile']]),
    http?.tokenFile,
  ].filter((name) => typeof name === 'string');
  const isInline = entries.some((client) => client?.['passphrase'] !== undefined || client?.['key'] !== undefined);
  return [
    ...(isInline ? [{ file: configFile, what: 'the configuration, which holds keys,' }] : []),
    ...named.map((name) => ({ file: resolve(dirname(configFile), name), what: 'a key file' })),
  ];
};

const OTHERS = 0o077;

const secrets: Check = ({ configFile, readFile }) => {
  const text = configFile === undefined ? undefined : readFile(configFile);
  if (configFile === undefined || text === undefined) return ok('not known without a configuration');
  const files = secretFiles(text, configFile);
  const open = files.filter(({ file }) => {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true && (stat.mode & OTHERS) !== 0;
  });
  if (open.length === 0) return ok(`${files.length} files, readable for their owner only`);
  return warn(
    `others than the owner may read or write ${[...new Set(open.map(({ what, file }) => `${what} ${file}`))].join(', ')}`,
    `chmod 600 ${[...new Set(open.map(({ file }) => file))].join(' ')}`,
  );
};

/** Checks by name. */
export const fileChecks: Readonly<Record<string, Check>> = {
  configuration,
  'state-directory': state,
  'key-files': secrets,
};
