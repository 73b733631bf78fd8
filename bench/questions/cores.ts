// The parts one by one. Each is measured by a program of its own that can be run alone and prints its figures as Markdown; here they
// come together.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Answer, Question, Run } from '../question.ts';

/** Programs in `bench/` and what their figures are. */
const PARTS: readonly (readonly [script: string, caption: string])[] = [
  ['nat-core', 'The NAT: sessions hit at random'],
  ['satp-core', 'Datagrams sealed and opened, beside what `openssl speed` says of the same octets'],
  ['io', 'System calls'],
];

const execute = promisify(execFile);

/** What the parts cost. */
export const cores: Question = {
  name: 'cores',
  title: 'The parts',
  asks: `The layers by themselves, on one core, in batches of 64 where nothing else is said. Nothing leaves the process but in the last table,
whose system calls end on loopback and in the TUN device.`,
  needs: { commands: ['taskset', 'openssl'] },
  async answer(run: Run): Promise<Answer> {
    const texts: string[] = [];
    for (const [script, caption] of PARTS) {
      const file = join(import.meta.dirname, '..', `${script}.ts`);
      const { stdout } = await execute('taskset', ['-c', `${run.cpu.gateway}`, process.execPath, file]);
      texts.push(`**${caption}**`, stdout.trim());
      run.progress(`measured: ${caption}`);
    }
    return { tables: [], text: texts.join('\n\n'), claims: [], samples: texts };
  },
};
