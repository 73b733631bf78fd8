// The benchmark's side of a load program: starts it, lets it prepare, gives the word, reads the outcome. A program is one of the
// files in `load/` that call themselves one.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onEnd } from './cleanup.ts';

/** A program that was started. */
export class LoadProgram {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #name: string;
  #errors = '';

  /** Starts `load/NAME.ts` with `options`, in the circumstances that the command prefix `argv` makes. */
  constructor(name: string, argv: readonly string[], options: unknown) {
    const script = join(import.meta.dirname, 'load', `${name}.ts`);
    const [command = '', ...rest] = [...argv, process.execPath, script, JSON.stringify(options)];
    const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.once(
      'exit',
      onEnd(() => void child.kill('SIGKILL')),
    );
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    child.stdin.on('error', () => {}); // It may be gone before the word is given; that shows in its outcome.
    this.#child = child;
    this.#name = name;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when the program has prepared itself. */
  async prepared(): Promise<void> {
    const line = await this.#next();
    if (line !== 'prepared') throw new Error(`the load program ${this.#name} said: ${line}`);
  }

  /** Gives the word, if the program waits for it, and resolves with what came of it. */
  async outcome<T>(): Promise<T> {
    this.#child.stdin?.write('go\n');
    return JSON.parse(await this.#next()) as T;
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done !== true) return value;
    throw new Error(`the load program ${this.#name} failed: ${this.#errors.trim()}`);
  }
}
