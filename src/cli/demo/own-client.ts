// Our own client as a program: connects as its configuration file says, until a signal ends it.

import { loadClientConfig } from '../../client/client-config.ts';
import { Connection } from '../../client/connection.ts';

/** Runs the client of the configuration `file`. @throws {GatewayError} ERR_CONFIG, and what {@link Connection.open} does */
export const runOwnClient = async (file: string): Promise<void> => {
  const config = loadClientConfig(file);
  const stop = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.resolve());
  const connection = Connection.open(config);
  process.stdout.write(`connected: ${config.device.name} is ${config.device.cidr}\n`);
  // A client that breaks down ends the wait as well.
  await Promise.race([stop.promise, connection.ended]);
  await connection.close();
};
