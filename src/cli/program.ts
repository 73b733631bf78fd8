// The command line: one line a command. A mistake in it is a GatewayError like any other, so that `main` has one way to end.

import { Command, type CommanderError } from 'commander';
import { ExitCode, GatewayError } from '../base/errors.ts';
import { VERSION } from '../control/version.ts';
import { checkCommand } from './check.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { healthcheckCommand } from './healthcheck.ts';
import { initCommand } from './init.ts';
import { keygenCommand } from './keygen.ts';
import { reloadCommand } from './reload.ts';
import { serveCommand } from './serve.ts';
import { statusCommand } from './status.ts';

const commands: readonly (() => Command)[] = [
  initCommand,
  serveCommand,
  checkCommand,
  keygenCommand,
  doctorCommand,
  statusCommand,
  healthcheckCommand,
  reloadCommand,
  demoCommand,
];

/** Ends with 0 after --help and --version, with 2 after the help that nobody asked for, and throws what is a mistake. */
const onExit = (error: CommanderError): void => {
  if (error.exitCode === 0) return;
  if (error.code === 'commander.help') process.exit(ExitCode.configuration);
  throw new GatewayError('ERR_USAGE', error.message.replace(/^error: /, ''));
};

/** The whole command line. @throws {GatewayError} ERR_USAGE when it is parsed */
export const createProgram = (): Command => {
  const program = new Command('anygate')
    .description('Anycast relay gateway for anytun and uanytun clients')
    .version(VERSION)
    .configureOutput({ outputError: () => {} })
    .exitOverride(onExit)
    .addHelpText('after', '\nExit codes: 0 ok, 2 configuration or command line, 3 machine, 70 a bug of ours.');
  for (const command of commands) program.addCommand(command().copyInheritedSettings(program));
  return program;
};
