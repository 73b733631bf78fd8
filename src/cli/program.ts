// The command line: one line a command. Only the command that is asked for is loaded, which spares a health check the gateway's code.
// A mistake is a GatewayError like any other, so that `main` has one way to end.

import { Command, CommanderError } from 'commander';
import { GatewayError } from '../base/errors.ts';
import { VERSION } from '../control/version.ts';

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init.ts')).initCommand(),
  serve: async () => (await import('./serve.ts')).serveCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  keygen: async () => (await import('./keygen.ts')).keygenCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  healthcheck: async () => (await import('./healthcheck.ts')).healthcheckCommand(),
  reload: async () => (await import('./reload.ts')).reloadCommand(),
  reset: async () => (await import('./reset.ts')).resetCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
};

/** Names of all commands, in the order of the help. */
export const commandNames: readonly string[] = Object.keys(commands);

/** Commander would end the process; here everything ends in `main`. */
const onExit = (error: CommanderError): never => {
  if (error.exitCode === 0) throw error;
  const message = error.code === 'commander.help' ? 'name a command' : error.message.replace(/^error: /, '');
  throw new GatewayError('ERR_USAGE', message);
};

/** The command line that has the command which `args` begin with, or all of them if that is none. */
const createProgram = async (args: readonly string[]): Promise<Command> => {
  const program = new Command('anygate')
    .description('Anycast relay gateway for anytun and uanytun clients')
    .version(VERSION)
    .configureOutput({ outputError: () => {} })
    .exitOverride(onExit)
    .addHelpText('after', '\nExit codes: 0 ok, 2 configuration or command line, 3 machine, 70 a bug of ours.');
  const wanted = commandNames.filter((name) => name === args[0]);
  for (const name of wanted.length > 0 ? wanted : commandNames)
    program.addCommand((await commands[name]!()).copyInheritedSettings(program));
  return program;
};

/** Runs `args`, the words behind `anygate`. @throws {GatewayError} ERR_USAGE, and whatever the command throws */
export const runCommandLine = async (args: readonly string[]): Promise<void> => {
  try {
    await (await createProgram(args)).parseAsync(args, { from: 'user' });
  } catch (error) {
    // What was asked for was help, or the version.
    if (!(error instanceof CommanderError)) throw error;
  }
};
