// Keeps one shard alive: starts its worker thread, talks to it, and starts another when it dies or stops turning. Sockets and device
// belong to the process, so they outlive the shard; its tables do not. A new shard seals with a fresh sender id.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Cell, type CounterName, type Counters, cellsOf, counterFamilies } from '../base/counters.ts';
import { GatewayError } from '../base/errors.ts';
import type { FromShard, Query, ShardStart, TablePage, TableRows, ToShard } from '../dataplane/messages.ts';
import type { ShardSettings } from '../dataplane/settings.ts';
import { openWakeup, type Wakeup } from '../io/wakeup.ts';
import type { LineStore } from '../satp/line-store.ts';

const WORKER = new URL(`../dataplane/worker.${import.meta.filename.slice(-2)}`, import.meta.url);
const HEARTBEAT_MS = 1000;
/** Heartbeats without a turn after which a shard counts as stuck; it turns at least once a second. */
const STUCK_AFTER = 5;
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5000;
/** Heartbeats after which a shard is sound. One that dies sooner is replaced later each time: every start costs a sender id. */
const SOUND_AFTER = 60;
const ANSWER_WITHIN_MS = 5000;

/** What the supervisor needs from the gateway. */
export interface ShardOwner {
  /** What is the same for every shard that is started. */
  readonly resources: Pick<ShardStart, 'sockets' | 'tunFd'>;
  readonly counters: Counters;
  readonly lines: LineStore;
  /** The present settings, with a sender id that was never used. */
  freshSettings(): ShardSettings;
  /** A sender id that was never used; `undefined`, which the owner has logged, if there is none. */
  leaseSenderId(): number | undefined;
  /** Told when a shard is up, and why one that was up died or its successor could not be started. */
  onUp(): void;
  onDown(error: Error): void;
}

/** What a shard answers; nothing to a question that only wants to know when it is done. */
type Answer = TablePage<unknown> | undefined;

interface Pending {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** One shard and its successors. */
export class ShardSupervisor {
  readonly #owner: ShardOwner;
  readonly #doorbell = new Int32Array(new SharedArrayBuffer(4));
  readonly #wakeup: Wakeup = openWakeup();
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #backoff = BACKOFF_MIN_MS;
  #lastLoops = 0;
  #missed = 0;
  #beats = 0;
  #nextId = 1;
  #ready = false;
  #stopping = false;
  #restarts = 0;

  constructor(owner: ShardOwner) {
    this.#owner = owner;
  }

  /** Whether the shard takes packets now. */
  get isUp(): boolean {
    return this.#ready;
  }

  /** How often a shard had to be replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Starts the shard and waits until it takes packets. @throws {GatewayError} ERR_SHARD if it dies before that. */
  async start(): Promise<void> {
    await this.#launch();
    this.#heartbeat = setInterval(() => this.#checkHeartbeat(), HEARTBEAT_MS);
  }

  /** Applies new settings between two batches; sessions whose resources still exist live on. */
  async apply(settings: ShardSettings): Promise<void> {
    try {
      await this.#ask((id) => ({ kind: 'apply', id, settings }));
    } catch (error) {
      // Whether a shard that does not answer takes them after all, nobody knows. Its successor is told what is in force.
      void this.#worker?.terminate();
      throw error;
    }
  }

  /** Forgets what was received from the client with `mux`, if there is one: its next authentic datagram is the first. */
  async reset(mux: number): Promise<void> {
    await this.#ask((id) => ({ kind: 'reset', id, mux }));
  }

  /** Asks for a part of a table, which the shard reads between two batches. */
  async query<T extends keyof TableRows>(query: Query & { readonly table: T }): Promise<TablePage<TableRows[T]>> {
    return (await this.#ask((id) => ({ kind: 'query', id, query }))) as TablePage<TableRows[T]>;
  }

  /** Lets the shard finish its batch and ends it; resolves when its thread is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker !== undefined) {
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      const late = setTimeout(() => void worker.terminate(), 2000);
      this.#post({ kind: 'stop' });
      await gone;
      clearTimeout(late);
    }
    this.#wakeup.close();
  }

  async #launch(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const { counters, lines, resources } = this.#owner;
    clearGauges(counters);
    const start: ShardStart = {
      settings: this.#owner.freshSettings(),
      ...resources,
      wakeupFd: this.#wakeup.fd,
      shared: { counters, lines, doorbell: this.#doorbell },
      port: port2,
    };
    const worker = new Worker(WORKER, { workerData: start, transferList: [port2], name: 'shard' });
    this.#worker = worker;
    this.#port = port1;
    await new Promise<void>((resolve, reject) => {
      let failure: Error = new GatewayError('ERR_SHARD', 'the shard ended without a word');
      port1.on('message', (message: FromShard) => {
        this.#receive(message);
        if (message.kind === 'ready') resolve();
      });
      worker.on('error', (error) => {
        failure = error instanceof Error ? error : new Error(String(error));
      });
      worker.on('exit', () => {
        port1.close();
        if (this.#worker !== worker) return;
        this.#onExit(failure);
        reject(new GatewayError('ERR_SHARD', `the shard died: ${failure.message}`, { cause: failure }));
      });
    });
  }

  #onExit(failure: Error): void {
    const wasReady = this.#ready;
    this.#ready = false;
    this.#worker = undefined;
    this.#port = undefined;
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(new GatewayError('ERR_SHARD', 'the shard died before it could answer'));
    }
    this.#pending.clear();
    // A shard that dies before it was ever up is its starter's to deal with.
    if (this.#stopping || !wasReady) return;
    this.#owner.onDown(failure);
    this.#restartLater();
  }

  #restartLater(): void {
    this.#restarts++;
    this.#restart = setTimeout(() => {
      this.#launch().catch((error: Error) => {
        if (this.#stopping) return;
        this.#owner.onDown(error);
        this.#restartLater();
      });
    }, this.#backoff);
    this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MAX_MS);
  }

  #receive(message: FromShard): void {
    if (message.kind === 'ready') {
      this.#ready = true;
      this.#missed = 0;
      this.#beats = 0;
      this.#owner.onUp();
    } else if (message.kind === 'needSenderId') {
      const senderId = this.#owner.leaseSenderId();
      if (senderId !== undefined) this.#post({ kind: 'senderId', mux: message.mux, senderId });
    } else {
      const pending = this.#pending.get(message.id);
      if (pending === undefined) return;
      this.#pending.delete(message.id);
      clearTimeout(pending.timer);
      pending.resolve(message.kind === 'page' ? message.page : undefined);
    }
  }

  #ask(message: (id: number) => ToShard): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#port === undefined) {
        reject(new GatewayError('ERR_SHARD', 'the shard is down; it is being restarted'));
        return;
      }
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new GatewayError('ERR_SHARD', `the shard did not answer within ${ANSWER_WITHIN_MS} ms`));
      }, ANSWER_WITHIN_MS);
      this.#pending.set(id, { resolve, reject, timer });
      this.#post(message(id));
    });
  }

  #post(message: ToShard): void {
    this.#port?.postMessage(message);
    Atomics.store(this.#doorbell, 0, 1);
    this.#wakeup.signal();
  }

  #checkHeartbeat(): void {
    if (!this.#ready) return;
    const loops = this.#owner.counters[Cell.shardLoops]!;
    this.#missed = loops === this.#lastLoops ? this.#missed + 1 : 0;
    this.#lastLoops = loops;
    if (this.#missed === 0 && ++this.#beats >= SOUND_AFTER) this.#backoff = BACKOFF_MIN_MS;
    if (this.#missed >= STUCK_AFTER) void this.#worker?.terminate();
  }
}

/** Gauges describe tables that died with the shard that kept them; counters go on. */
const clearGauges = (counters: Counters): void => {
  for (const name of Object.keys(counterFamilies) as CounterName[]) {
    const family = counterFamilies[name];
    if (family.type === 'gauge') counters.fill(0, Cell[name], Cell[name] + cellsOf(family));
  }
};
