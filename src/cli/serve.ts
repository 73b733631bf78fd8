// `anygate serve`: runs the gateway until a signal ends it. SIGTERM and SIGINT put the host back and exit 0; SIGHUP reads the
// configuration again.

import { Command } from 'commander';
import { GatewayError } from '../base/errors.ts';
import { loadConfig } from '../control/config.ts';
import { Gateway } from '../control/gateway.ts';
import { createLogger } from '../control/log.ts';

/** Everything is over within this time, or the process ends as it is and the next start puts the host back. */
const STOP_WITHIN_MS = 4500;

const serve = async (file: string): Promise<void> => {
  const { config, warnings } = loadConfig(file);
  const log = createLogger(config.log.level, config.node.name);
  for (const { path, line, message } of warnings) log.warn({ path, line }, message);
  const ended = Promise.withResolvers<NodeJS.Signals>();
  // Until the gateway is up a signal waits; the start is bounded, and half-made changes are undone by it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ended.resolve);
  const starting = Gateway.start(config, log);
  // A start that fails says so itself.
  process.on('SIGHUP', () => void starting.then((started) => started.reload()).catch(() => undefined));
  const gateway = await starting;
  const reason = await Promise.race([ended.promise, gateway.failed]);
  if (typeof reason === 'string') log.info({ signal: reason }, 'stopping');
  else log.fatal({ err: reason }, 'stopping');
  const late = setTimeout(() => {
    log.error('stopping took too long; the next start puts the host back');
    process.exit(new GatewayError('ERR_HOST_SETUP', 'stopping took too long').exit);
  }, STOP_WITHIN_MS);
  await gateway.stop();
  clearTimeout(late);
  log.info('stopped');
  if (reason instanceof GatewayError) throw reason;
};

/** The command. */
export const serveCommand = (): Command =>
  new Command('serve')
    .description('run the gateway')
    .option('-c, --config <file>', 'the configuration', './anygate.yaml')
    .addHelpText(
      'after',
      `
Signals:
  SIGHUP            read the configuration again, all or nothing; sessions live on
  SIGTERM, SIGINT   stop, put the host back, exit 0

Example:
  $ sudo anygate serve --config /etc/anygate/anygate.yaml`,
    )
    .action(({ config }: { config: string }) => serve(config));
