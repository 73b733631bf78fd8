// Runs one command line after the other in one process, because starting a process takes longer than what it does here. The parent
// says where and with what; outputs and exit code go back.

import { run } from '../../src/cli/run.ts';
import type { Errand, Outcome } from './run.ts';

const capture = async (errand: Errand): Promise<Outcome> => {
  const outputs = { stdout: '', stderr: '' };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };
  const former = { ...process.env };
  for (const name of ['stdout', 'stderr'] as const)
    process[name].write = (chunk: string | Uint8Array): boolean => {
      outputs[name] += chunk.toString();
      return true;
    };
  process.chdir(errand.cwd);
  Object.assign(process.env, errand.env);
  process.exitCode = 0;
  try {
    await run(errand.args);
    return { code: Number(process.exitCode), ...outputs };
  } finally {
    process.exitCode = 0;
    process.env = former;
    process.stdout.write = originals.stdout;
    process.stderr.write = originals.stderr;
  }
};

process.on('message', async (errand: Errand) => {
  process.send?.(await capture(errand));
});
