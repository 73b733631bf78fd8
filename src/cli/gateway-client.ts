// Talks to a running gateway by its API, at the place where its configuration says that it listens.

import { request } from 'node:http';
import { Option } from 'commander';
import { GatewayError } from '../base/errors.ts';
import { loadHttpSettings } from '../control/http-settings.ts';
import { formatHttpListen, type HttpListen, isWildcard } from '../control/listen-address.ts';

/** The option that names the configuration. */
export const configOption = (): Option =>
  new Option('-c, --config <file>', 'the configuration that the gateway runs with').default('./anygate.yaml');

/** What a gateway answered. */
export interface Answer {
  readonly status: number;
  /** Parsed JSON. */
  readonly body: unknown;
}

const TIMEOUT_MS = 10_000;
const LONGEST_ANSWER = 64 * 2 ** 20;

const targetOf = (listen: HttpListen): { socketPath: string } | { host: string; port: number } => {
  if (listen.kind === 'unix') return { socketPath: listen.path };
  const loopback = listen.family === 6 ? '::1' : '127.0.0.1';
  return { host: isWildcard(listen) ? loopback : listen.address, port: listen.port };
};

const unreachable = (listen: HttpListen, reason: string, cause?: unknown): GatewayError =>
  new GatewayError('ERR_UNREACHABLE', `nothing useful answers at ${formatHttpListen(listen)} (${reason})`, { cause });

const parse = (listen: HttpListen, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreachable(listen, 'the answer is no JSON, so it is not Anygate that answers', cause);
  }
};

/** Asks the gateway of the configuration in `file`. @throws {GatewayError} ERR_CONFIG, ERR_UNREACHABLE */
export const ask = async (file: string, method: 'GET' | 'POST', path: string): Promise<Answer> => {
  const { listen, token } = loadHttpSettings(file);
  const authorization =
    token === undefined ? {} : { authorization: `Bearer ${Buffer.from(token.reveal()).toString('latin1')}` };
  const headers = {
    accept: 'application/json',
    ...(listen.kind === 'unix' ? { host: 'localhost' } : {}),
    ...authorization,
  };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const outgoing = request({ ...targetOf(listen), method, path, headers, agent: false, signal }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > LONGEST_ANSWER) response.destroy(new Error('the answer has no end'));
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    response.on('error', reject);
  });
  outgoing.on('error', reject);
  outgoing.end();
  let answer: { status: number; text: string };
  try {
    answer = await promise;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw unreachable(listen, signal.aborted ? 'no answer within 10 s' : (code ?? message), cause);
  }
  if (answer.status === 401 || answer.status === 403) {
    const hint =
      token === undefined ? 'http.tokenFile gives no token that this user may read' : 'the token was refused';
    throw new GatewayError('ERR_CONFIG', `the gateway at ${formatHttpListen(listen)} refuses to answer: ${hint}`);
  }
  return { status: answer.status, body: parse(listen, answer.text) };
};

/** The detail of a problem document. */
export const detailOf = (body: unknown): string => {
  const detail = (body as { detail?: unknown } | null)?.detail;
  return typeof detail === 'string' ? detail : 'without saying why';
};
