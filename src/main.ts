// The composition root: the command line, and nothing before or after it.

import { run } from './cli/run.ts';

await run(process.argv.slice(2));
