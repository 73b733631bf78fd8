// Commands that run to their end and processes that run until they are stopped, for the laboratory. Every process started here is
// known by its pid and ended by it, whatever ends the test: `killAll` is synchronous so that an exit handler can call it.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a command ended. `code` is 128 + signal number if a signal ended it, and 124 if it took too long. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What may be said about a command. */
export interface CommandOptions {
  /** Milliseconds until it is killed; 15,000 if absent. */
  readonly timeout?: number;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `argv` to its end; never rejects for what the command did. */
export const execute = (argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> => {
  const { timeout = 15_000 } = options;
  return new Promise((resolve) => {
    const child = execFile(
      argv[0]!,
      argv.slice(1),
      {
        timeout,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
        ...(options.env && { env: { ...process.env, ...options.env } }),
      },
      (error, stdout, stderr) => {
        if (!error) resolve({ code: 0, stdout, stderr });
        else if (error.killed) resolve({ code: 124, stdout, stderr: `${stderr}\n(timed out after ${timeout} ms)` });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else
          resolve({
            code: error.signal ? 128 + constants.signals[error.signal] : 127,
            stdout,
            stderr: stderr || String(error),
          });
      },
    );
    child.stdin?.on('error', () => {}); // A command that reads no input may be gone before it was written.
    child.stdin?.end(options.input);
  });
};

/** Runs `argv` and returns what it printed. Rejects unless it succeeds. */
export const succeed = async (argv: readonly string[], options: CommandOptions = {}): Promise<string> => {
  const { code, stdout, stderr } = await execute(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
};

/** Waits until `check` holds, asking every 20 ms. Rejects with `what` after `timeout` milliseconds. */
export const eventually = async (
  what: string | (() => string),
  check: () => boolean | Promise<boolean>,
  timeout = 5000,
): Promise<void> => {
  const end = performance.now() + timeout;
  while (!(await check())) {
    if (performance.now() > end) {
      throw new Error(`not within ${timeout} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(20);
  }
};

/** How a process is started. */
export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Keeps its standard input open for {@link RunningProcess.write}. */
  readonly input?: boolean;
  /** It is a Node process that speaks with us by `child.send` and its `message` event. */
  readonly ipc?: boolean;
}

/** A process that runs until it is stopped. */
export class RunningProcess {
  readonly name: string;
  readonly child: ChildProcess;
  /** File with what it printed on both outputs. */
  readonly log: string;
  /** Resolves with its exit code, 128 + n for a signal, when it is gone. */
  readonly ended: Promise<number>;
  #code: number | undefined;

  constructor(argv: readonly string[], log: string, options: ProcessOptions = {}) {
    const fd = openSync(log, 'a', 0o600);
    this.name = argv.join(' ');
    this.log = log;
    this.child = spawn(argv[0]!, argv.slice(1), {
      stdio: [options.input ? 'pipe' : 'ignore', fd, fd, ...(options.ipc ? ['ipc' as const] : [])],
      env: { ...process.env, ...options.env },
    });
    closeSync(fd);
    this.ended = new Promise((resolve) => {
      const end = (code: number): void => {
        this.#code = code;
        resolve(code);
      };
      this.child.once('error', () => end(127));
      this.child.once('exit', (code, signal) => end(code ?? 128 + constants.signals[signal!]));
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} did not start`);
    return this.child.pid;
  }

  /** Writes to its standard input, which must have been asked for. */
  write(text: string): void {
    this.child.stdin!.write(text);
  }

  get isRunning(): boolean {
    return this.#code === undefined;
  }

  /** Sends `signal` and waits for the end; returns the exit code. Rejects, after SIGKILL, if that takes over `within` milliseconds. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', within = 5000): Promise<number> {
    if (this.isRunning) this.child.kill(signal);
    const late = Symbol('late');
    const timer = new AbortController();
    const outcome = await Promise.race([this.ended, sleep(within, late, { signal: timer.signal }).catch(() => late)]);
    timer.abort();
    if (typeof outcome === 'number') return outcome;
    this.child.kill('SIGKILL');
    await this.ended;
    throw new Error(`${this.name} was still there ${within} ms after ${signal}`);
  }
}

/** The processes of one laboratory. */
export class Processes {
  readonly #running = new Set<RunningProcess>();

  start(argv: readonly string[], log: string, options?: ProcessOptions): RunningProcess {
    const started = new RunningProcess(argv, log, options);
    this.#running.add(started);
    void started.ended.then(() => this.#running.delete(started));
    return started;
  }

  /** Ends all of them and waits until they are gone. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((p) => p.stop('SIGTERM', 2000).catch(() => undefined)));
  }

  /** Kills all of them without waiting. */
  killAll(): void {
    for (const p of this.#running) p.child.kill('SIGKILL');
  }
}
