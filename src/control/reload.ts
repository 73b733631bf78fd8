// What a running gateway can take up from a changed file, and what it cannot. Whatever is bound to a socket, a file descriptor or a table
// size is the process's for life; everything else moves.

import type { Config } from './config.ts';
import type { Problem } from './problem.ts';

/** Keys that only a restart changes, and how to read them. */
const FIXED: Readonly<Record<string, (config: Config) => unknown>> = {
  'node.name': (c) => c.node.name,
  'node.stateDir': (c) => c.node.stateDir,
  'node.senderIds': (c) => c.node.senderIds,
  'satp.listen': (c) => c.satp.listen,
  'satp.replayWindow': (c) => c.satp.replayWindow,
  'relay.device': (c) => c.relay.device,
  'relay.address': (c) => c.relay.address,
  'http.listen': (c) => c.http.listen,
  workers: (c) => c.workers,
};

/** One error for each key that `next` would change though it cannot change while the gateway runs. */
export const refuseFixed = (now: Config, next: Config): Problem[] =>
  Object.entries(FIXED).flatMap(([path, read]) =>
    JSON.stringify(read(now)) === JSON.stringify(read(next))
      ? []
      : [{ severity: 'error', path, message: 'cannot change while the gateway runs; restart it, or undo this change' }],
  );
