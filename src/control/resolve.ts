// From the file's groups to the configuration: each group resolved, everything reported, nothing returned if anything is wrong.

import { isAbsolute } from 'node:path';
import type { Config } from './config.ts';
import { formatListenAddress, type ListenAddress, parseListenAddress } from './listen-address.ts';
import type { KeyPath, Report } from './problem.ts';
import type { RawConfig } from './raw-config.ts';
import { resolveClients } from './resolve-clients.ts';
import { resolveHttp } from './resolve-http.ts';
import { parseRange, resolveRelay } from './resolve-relay.ts';

const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Entries of one word of a replay window. */
const WINDOW_WORD = 32;

type Listen = { readonly address: ListenAddress; readonly path: KeyPath };

const resolveNode = (raw: RawConfig['node'], report: Report): Config['node'] => {
  if (!NODE_NAME.test(raw.name))
    report.error(['node', 'name'], 'must be 1 to 63 letters, digits, ".", "_" or "-", the first a letter or digit');
  if (!isAbsolute(raw.stateDir) || raw.stateDir.includes('\0'))
    report.error(['node', 'stateDir'], 'must be an absolute path, such as /var/lib/anygate');
  return {
    name: raw.name,
    stateDir: raw.stateDir,
    senderIds: parseRange(raw.senderIds, ['node', 'senderIds'], 0, report),
  };
};

const resolveListen = (texts: readonly string[], report: Report): readonly Listen[] => {
  const found: Listen[] = [];
  const seen = new Set<string>();
  for (const [i, text] of texts.entries()) {
    const path = ['satp', 'listen', i];
    const address = parseListenAddress(text);
    if (typeof address === 'string') report.error(path, address);
    else {
      const key = formatListenAddress(address);
      if (seen.has(key)) report.error(path, `${key} stands in the list twice; remove one of the two`);
      seen.add(key);
      found.push({ address, path });
    }
  }
  return found;
};

const checkWindow = (size: number, report: Report): void => {
  const path = ['satp', 'replayWindow'];
  const multiple = Math.floor(size / WINDOW_WORD) * WINDOW_WORD;
  if (size !== multiple)
    report.error(
      path,
      `must be a multiple of ${WINDOW_WORD}, such as ${multiple + WINDOW_WORD}; 0 turns the window off`,
    );
  if (size === 0) report.warn(path, '0 lets anybody repeat captured datagrams to the clients’ remote endpoints');
};

const resolveWorkers = (raw: number | 'auto', report: Report): number => {
  if (raw === 'auto' || raw === 1) return 1;
  const isCount = Number.isInteger(raw) && (raw as number) > 1;
  report.error(
    ['workers'],
    isCount ? 'more than one comes later; only auto and 1 are accepted now' : 'must be auto or 1',
  );
  return 1;
};

/** The configuration that `raw` means, read from `file`; `undefined` if it has errors. Everything found is in `report`. */
export const resolveConfig = (raw: RawConfig, file: string, report: Report): Config | undefined => {
  const node = resolveNode(raw.node, report);
  const listen = resolveListen(raw.satp.listen, report);
  checkWindow(raw.satp.replayWindow, report);
  const http = resolveHttp(raw.http, file, report);
  const clients = resolveClients(raw.clients, file, report);
  const httpAddress = http?.listen.kind === 'tcp' ? { http: http.listen } : {};
  const relay = resolveRelay(raw.relay, clients, { satp: listen, ...httpAddress }, report);
  if (raw.policy.rules.length > 0)
    report.error(['policy', 'rules'], 'rules come later; only an empty list is accepted now');
  const workers = resolveWorkers(raw.workers, report);
  if (report.hasErrors || http === undefined) return undefined;
  return {
    file,
    node,
    satp: { listen: listen.map((l) => l.address), replayWindow: raw.satp.replayWindow },
    clients: clients.flatMap((c) => (c.config === undefined ? [] : [c.config])),
    relay,
    policy: { allowReserved: raw.policy.allowReserved },
    http,
    log: raw.log,
    workers,
  };
};
