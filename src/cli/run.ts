// How every command ends: what goes wrong becomes a message and an exit code, and nothing else does.

import { inspect } from 'node:util';
import { ExitCode, errorCatalogue, GatewayError } from '../base/errors.ts';
import { runCommandLine } from './program.ts';

const BUG = 'anygate: this is a bug; please report it with what you did and these lines';

/** What failed first: what failed as well while things were given back is a consequence, and the next start deals with it. */
const firstOf = (error: unknown): unknown => (error instanceof SuppressedError ? firstOf(error.suppressed) : error);

/** Runs `args`, the words behind `anygate`, and sets the process's exit code. Never throws. */
export const run = async (args: readonly string[]): Promise<void> => {
  try {
    await runCommandLine(args);
  } catch (thrown) {
    const error = firstOf(thrown);
    if (error instanceof GatewayError) {
      process.stderr.write(`anygate: ${error.message}\n  ${error.code}: ${errorCatalogue[error.code].help}\n`);
      process.exitCode = error.exit;
    } else {
      process.stderr.write(`${BUG}\n${error instanceof Error ? error.stack : inspect(error)}\n`);
      process.exitCode = ExitCode.bug;
    }
  }
};
