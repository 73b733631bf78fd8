// The parts one by one, without the kernel in between: the NAT, the sealing and opening of datagrams beside what the same ciphers cost
// in `openssl speed`, and the system calls. Each part is a program of its own that prints its figures; here they come together.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { figure, spread } from '../format.ts';
import type { Answer, Question, Run, Table } from '../question.ts';
import { median, summarize } from '../stats.ts';

/** Programs in `bench/` and what their figures are. */
const PARTS: readonly (readonly [script: string, caption: string])[] = [
  ['nat-core', 'The NAT: sessions hit at random, in batches of 64'],
  ['satp-core', 'Datagrams opened and sealed'],
  ['io', 'System calls'],
];
const LENGTHS = [64, 1400] as const;
const CIPHERS = { 'AES-128-CTR': ['-evp', 'aes-128-ctr'], 'HMAC-SHA1': ['-hmac', 'sha1'] } as const;

const execute = promisify(execFile);

/** Runs a command on the gateway's processor. */
const pinned = async (run: Run, argv: readonly string[]): Promise<string> =>
  (await execute('taskset', ['-c', `${run.cpu.gateway}`, ...argv])).stdout;

/** Nanoseconds that `openssl speed` needs for `length` octets. */
const floorOf = async (run: Run, options: readonly string[], length: number): Promise<number> => {
  const argv = ['openssl', 'speed', '-mr', '-seconds', '1', '-bytes', `${length}`, ...options];
  // The last line is +F:number:name:octets a second.
  const octetsPerSecond = Number((await pinned(run, argv)).trim().split(':').at(-1));
  return (length * 1e9) / octetsPerSecond;
};

const measureFloor = async (run: Run): Promise<Table> => {
  const rows: string[][] = [];
  const sums: number[] = LENGTHS.map(() => 0);
  for (const [cipher, options] of Object.entries(CIPHERS)) {
    const cells: string[] = [];
    for (const [l, length] of LENGTHS.entries()) {
      const samples: number[] = [];
      for (let i = 0; i < Math.min(3, run.repetitions); i++) samples.push(await floorOf(run, options, length));
      sums[l]! += median(samples);
      cells.push(spread(summarize(samples)));
      run.progress(`openssl speed, ${cipher}, ${length} octets: ${cells.at(-1)} ns`);
    }
    rows.push([cipher, ...cells]);
  }
  rows.push(['both', ...sums.map(figure)]);
  return {
    caption: 'The floor: what `openssl speed` says of the two algorithms, ns',
    head: ['', ...LENGTHS.map((length) => `${length} octets`)],
    rows,
  };
};

/** What the parts cost. */
export const cores: Question = {
  name: 'cores',
  title: 'The parts',
  asks: `The layers by themselves, on one core. Nothing leaves the process but in the last table, whose system calls end on loopback and in
the TUN device. The floor is what a packet's cipher and auth tag would cost if nothing else were there.`,
  needs: { commands: ['taskset', 'openssl'] },
  async answer(run: Run): Promise<Answer> {
    const floor = await measureFloor(run);
    const texts: string[] = [];
    for (const [script, caption] of PARTS) {
      const file = join(import.meta.dirname, '..', `${script}.ts`);
      texts.push(`**${caption}**`, (await pinned(run, [process.execPath, file])).trim());
      run.progress(`${caption}: measured`);
    }
    return { tables: [floor], text: texts.join('\n\n'), claims: [], samples: { floor: floor.rows, texts } };
  },
};
