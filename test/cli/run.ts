// Runs the command line as people do, in a directory of its own, all in one process that goes with the test.

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

/** What is run. */
export interface Errand {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs command lines one after the other. */
export class CommandLine {
  readonly #host: ChildProcess = fork(join(import.meta.dirname, 'host.ts'));
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `anygate` with `args` in `cwd`. */
  run(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const outcome = this.#last.then(
      () =>
        new Promise<Outcome>((resolve, reject) => {
          const onExit = (code: number | null) => reject(new Error(`the command ended its process with ${code}`));
          this.#host.once('exit', onExit);
          this.#host.once('message', (message) => {
            this.#host.off('exit', onExit);
            resolve(message as Outcome);
          });
          this.#host.send({ cwd, args, env } satisfies Errand);
        }),
    );
    this.#last = outcome.catch(() => undefined);
    return outcome;
  }

  close(): void {
    this.#host.disconnect();
  }
}
