// The composition root: runs the command line and turns what goes wrong into a message and an exit code.

import { ExitCode, errorCatalogue, GatewayError } from './base/errors.ts';
import { createProgram } from './cli/program.ts';

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof GatewayError) {
    process.stderr.write(`anygate: ${error.message}\n  ${error.code}: ${errorCatalogue[error.code].help}\n`);
    process.exitCode = error.exit;
  } else {
    process.stderr.write(`anygate: this is a bug, please report it\n${(error as Error).stack}\n`);
    process.exitCode = ExitCode.bug;
  }
}
