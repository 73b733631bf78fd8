// `http` of the file, resolved and checked: where it is served, and the token that opens the API to other hosts.

import type { Config } from './config.ts';
import { parseHttpListen } from './listen-address.ts';
import type { Report } from './problem.ts';
import type { RawConfig } from './raw-config.ts';
import { Secret } from './secret.ts';
import { firstLine, readSecretFile } from './secret-file.ts';

/** A token shorter than this can be guessed. */
const SHORTEST_TOKEN = 16;

const readToken = (name: string, file: string, report: Report): Secret | undefined => {
  const path = ['http', 'tokenFile'];
  const content = readSecretFile(name, file);
  if (typeof content === 'string') {
    report.error(path, content);
    return undefined;
  }
  const token = firstLine(content.octets);
  if (token.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(token.toString('latin1'))) {
    report.error(path, `its first line must be a token of ${SHORTEST_TOKEN} or more ASCII characters without blanks`);
    return undefined;
  }
  if (content.isWorldReadable) report.warn(path, 'every user of this host may read the file; chmod 600 it');
  return new Secret(token);
};

/** Resolves `http`; `undefined` if `http.listen` cannot be used. */
export const resolveHttp = (raw: RawConfig['http'], file: string, report: Report): Config['http'] | undefined => {
  const token = raw.tokenFile === undefined ? undefined : readToken(raw.tokenFile, file, report);
  const listen = parseHttpListen(raw.listen);
  if (typeof listen === 'string') {
    report.error(['http', 'listen'], listen);
    return undefined;
  }
  if (listen.kind === 'tcp' && !listen.isLoopback && raw.tokenFile === undefined)
    report.warn(
      ['http', 'listen'],
      'not loopback, and there is no http.tokenFile: health and metrics are served, /api/v1 is closed',
    );
  return { listen, ...(token === undefined ? {} : { token }) };
};
