// The client as a program, `main.ts FILE`: connects as its configuration file says, until a signal ends it. Exit codes are the gateway's.

import { ExitCode, GatewayError } from '../base/errors.ts';
import { loadClientConfig } from './client-config.ts';
import { Connection } from './connection.ts';

const run = async (file: string): Promise<void> => {
  const config = loadClientConfig(file);
  const stop = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.resolve());
  const connection = Connection.open(config);
  process.stdout.write(`${config.device.name} is up as ${config.device.cidr}\n`);
  // A client that breaks down ends the wait as well.
  await Promise.race([stop.promise, connection.ended]);
  await connection.close();
};

try {
  const file = process.argv[2];
  if (file === undefined) throw new GatewayError('ERR_USAGE', 'name the configuration file');
  await run(file);
} catch (error) {
  const isKnown = error instanceof GatewayError;
  process.stderr.write(isKnown ? `${error.code}: ${error.message}\n` : `${(error as Error).stack}\n`);
  process.exitCode = isKnown ? error.exit : ExitCode.bug;
}
