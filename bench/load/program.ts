// The load's programs run in processes of their own, in a namespace and on a processor that is not the gateway's. A program gets its
// options as JSON, prepares, says so, waits for the word, does one thing, and prints what came of it as JSON.

import { once } from 'node:events';

/** The options that the program was started with. */
export const options = <T>(): T => JSON.parse(process.argv[2] ?? '{}') as T;

/** Says that everything is prepared, and waits for the word to begin. Ends the process if the benchmark is gone. */
export const prepared = async (): Promise<void> => {
  process.stdin.once('end', () => process.exit(1));
  process.stdout.write('prepared\n');
  await once(process.stdin, 'data');
};

/** Prints the outcome and ends the process. */
export const finish = (outcome: unknown): void => {
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
};
