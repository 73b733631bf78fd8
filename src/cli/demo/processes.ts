// Processes of the demonstration. Each is the leader of a group of its own: an interrupt from the terminal reaches the demonstration
// alone, which then ends its processes in order, whatever they have started themselves.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../../base/errors.ts';

const COMMAND_PATIENCE_MS = 15_000;
const STOP_PATIENCE_MS = 6000;
const LOOK_EVERY_MS = 20;

// A user's PATH often lacks the sbin directories, where `ip` and the daemons are.
const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
/** The environment of every process of the demonstration. */
export const environment: NodeJS.ProcessEnv = {
  // What overrides keys of the operator's own configuration has no business in this one.
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^ANYGATE_.*__/i.test(name))),
  PATH: directories.join(delimiter),
};

/** Whether `command` is installed. */
export const isInstalled = (command: string): boolean =>
  directories.some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Runs `argv` to its end and returns what it printed. @throws {GatewayError} ERR_HOST_SETUP unless it succeeds */
export const run = (argv: readonly string[], input = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { timeout: COMMAND_PATIENCE_MS, killSignal: 'SIGKILL', env: environment } as const;
    const child = execFile(argv[0]!, argv.slice(1), options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else {
        const why = stderr.trim() || (error.killed ? 'it took too long' : error.message);
        reject(new GatewayError('ERR_HOST_SETUP', `\`${argv.join(' ')}\` failed: ${why}`, { cause: error }));
      }
    });
    child.stdin?.on('error', () => {}); // A command that reads no input may be gone before it was written.
    child.stdin?.end(input);
  });

/** Waits until `isSo`; false if it is not after `within` milliseconds. */
export const until = async (isSo: () => boolean | Promise<boolean>, within: number): Promise<boolean> => {
  const end = performance.now() + within;
  while (!(await isSo())) {
    if (performance.now() > end) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
};

/** A process that runs until it is stopped, or ends by itself. */
export class Running {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #log: string;
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  #isEnded = false;
  #isStopped = false;

  /** What it prints goes to the file `log`; with `onLine` only its errors do, it is talked with by {@link say} and `onLine`. */
  constructor(name: string, argv: readonly string[], log: string, onLine?: (line: string) => void) {
    this.name = name;
    this.#log = log;
    const fd = openSync(log, 'a', 0o600);
    const stdout = onLine === undefined ? fd : 'pipe';
    this.#child = spawn(argv[0]!, argv.slice(1), {
      stdio: [onLine === undefined ? 'ignore' : 'pipe', stdout, fd],
      detached: true,
      env: environment,
    });
    closeSync(fd);
    if (onLine !== undefined && this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', onLine);
      // One that has ended hears nothing; that it has is seen elsewhere.
      this.#child.stdin?.on('error', () => {});
    }
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#isEnded = true;
        resolve();
      };
      this.#child.once('error', end).once('exit', end);
    });
  }

  get isRunning(): boolean {
    return !this.#isEnded;
  }

  /** Writes a line to its standard input. */
  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** The end of what it has printed. */
  lastWords(): string {
    return readFileSync(this.#log, 'utf8').trim().split('\n').slice(-10).join('\n');
  }

  /** Ends it and whatever it has started, gently at first. */
  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    await Promise.race([this.ended, sleep(STOP_PATIENCE_MS, undefined, { ref: false })]);
    this.kill();
    await this.ended;
    this.#isStopped = true;
  }

  /** Ends it and whatever it has started at once, without waiting. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      // The whole group: a launcher may have started the program proper.
      if (this.#child.pid !== undefined && !this.#isStopped) process.kill(-this.#child.pid, signal);
    } catch {
      // The group is gone.
    }
  }
}
