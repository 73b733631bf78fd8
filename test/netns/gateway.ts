// The gateway under test, run as its operator runs it: by its launcher, with a configuration file, judged by its HTTP side.

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Lab } from './lab.ts';
import { eventually, type RunningProcess } from './processes.ts';

/** The gateway's launcher. */
export const LAUNCHER: string = join(import.meta.dirname, '../../bin/anygate');

/** Parses the Prometheus text format; keys are series as printed, such as `anygate_draining` or `x_total{direction="outbound"}`. */
export const parseMetrics = (text: string): Map<string, number> => {
  const metrics = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)/.exec(line);
    if (match) metrics.set(match[1]!, Number(match[2]));
  }
  return metrics;
};

/** Writes a configuration and the files beside it, for the owner's eyes only; returns the path of the configuration. */
export const writeConfiguration = (
  lab: Lab,
  yaml: string,
  files: Readonly<Record<string, string>> = {},
  name = 'gateway',
): string => {
  const dir = join(lab.dir, name);
  for (const [path, content] of Object.entries({ 'anygate.yaml': yaml, ...files })) {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, content, { mode: 0o600 });
    chmodSync(file, 0o600);
  }
  return join(dir, 'anygate.yaml');
};

/** A gateway that runs in the box `gw`. */
export class RunningGateway {
  readonly config: string;
  readonly #lab: Lab;
  readonly #http: string;
  readonly #process: RunningProcess;
  /** Where its part of the log begins, which it shares with gateways before it. */
  readonly #logAt: number;

  private constructor(lab: Lab, config: string, http: string) {
    this.#lab = lab;
    this.config = config;
    this.#http = http;
    const log = join(lab.dir, 'gateway.log');
    this.#logAt = existsSync(log) ? statSync(log).size : 0;
    this.#process = lab.spawn('gw', [LAUNCHER, 'serve', '--config', config], {
      log: 'gateway.log',
      // For tests that end the shard by way of the debugger, see kill-shard.ts.
      env: { ANYGATE_DEBUG: 'sigusr1' },
    });
  }

  static async start(
    lab: Lab,
    yaml: string,
    options: { files?: Readonly<Record<string, string>>; http?: string },
  ): Promise<RunningGateway> {
    const config = writeConfiguration(lab, yaml, options.files);
    const gateway = new RunningGateway(lab, config, options.http ?? '127.0.0.1:9464');
    await gateway.ready();
    return gateway;
  }

  /** Starts another with the same configuration, after this one has ended. */
  async startAgain(): Promise<RunningGateway> {
    const gateway = new RunningGateway(this.#lab, this.config, this.#http);
    await gateway.ready();
    return gateway;
  }

  /** Waits until `/readyz` answers 200. */
  async ready(timeout = 10_000): Promise<void> {
    await eventually(
      () => `the gateway is ready: ${this.log()}`,
      async () => {
        if (!this.#process.isRunning) throw new Error(`the gateway ended: ${this.log()}`);
        return (await this.http('/readyz')).status === 200;
      },
      timeout,
    );
  }

  /** Asks the gateway by HTTP from its own box. Status 0 means no answer. */
  async http(path: string, options: readonly string[] = []): Promise<{ status: number; body: string }> {
    const argv = ['curl', '-sS', '-m', '5', '-w', '\n%{http_code}', ...options, `http://${this.#http}${path}`];
    const { stdout } = await this.#lab.exec('gw', argv);
    const cut = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, Math.max(cut, 0)) };
  }

  /** Every series and its value. */
  async metrics(): Promise<Map<string, number>> {
    return parseMetrics((await this.http('/metrics')).body);
  }

  /** What it has logged. */
  log(): string {
    return readFileSync(this.#process.log).subarray(this.#logAt).toString();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** Ends it as systemd would; rejects unless it exits with 0 within 5 s. */
  async stop(): Promise<void> {
    const code = await this.#process.stop('SIGTERM', 5000);
    if (code !== 0) throw new Error(`the gateway exited with ${code}: ${this.log()}`);
  }

  /** Ends it without warning. */
  async kill9(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }

  /** Writes files beside its configuration, as those of a start. */
  writeFiles(files: Readonly<Record<string, string>>): void {
    writeConfiguration(this.#lab, readFileSync(this.config, 'utf8'), files);
  }

  /** Waits until, since `before`, a reload had this result. */
  async reloaded(result: 'success' | 'failure', before: ReadonlyMap<string, number>): Promise<void> {
    const series = `anygate_config_reloads_total{result="${result}"}`;
    await eventually(
      () => `a reload with ${result}: ${this.log()}`,
      async () => ((await this.metrics()).get(series) ?? 0) > (before.get(series) ?? 0),
    );
  }

  /** Replaces its configuration file, and tells it to read it. What comes of it is for the caller to observe. */
  reload(yaml: string): void {
    writeFileSync(this.config, yaml, { mode: 0o600 });
    process.kill(this.pid, 'SIGHUP');
  }
}
