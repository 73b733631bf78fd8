// One contestant on a network of its own, with what is needed to load and to observe it. Tracks of all contestants live side by
// side, so that a measurement of one is followed within a second by that of the next.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Processes, RunningProcess } from '../test/netns/processes.ts';
import type { Contestant } from './contestants.ts';
import { cpuTime, processorTime, softirqThread } from './cpu-time.ts';
import type { Blasted } from './load/blast.ts';
import type { DownloadOptions } from './load/download.ts';
import { INNER_HEADERS } from './load/inner-packet.ts';
import type { Primed, PrimeOptions } from './load/prime.ts';
import { OVERHEAD } from './load/sealer.ts';
import type { Endpoint } from './load/sockets.ts';
import type { UploadOptions } from './load/upload.ts';
import { LoadProgram } from './load-program.ts';
import { type Count, Network } from './network.ts';

/** Processors: the gateway's and the load's. */
export interface Processors {
  readonly gateway: number;
  readonly load: number;
}

/** What is sent through a gateway. */
export interface Load {
  readonly direction: 'upload' | 'download';
  /** Octets of an inner packet. */
  readonly inner: number;
  /** Packets that are handed to the kernel as one, to be cut there; 1 for none. */
  readonly train: number;
  readonly seconds: number;
  /** Packets a second; 0 for as many as can be sent. */
  readonly rate: number;
}

/** What came of one load. */
export interface Sample {
  readonly offered: number;
  readonly delivered: number;
  /** How long the load lasted. */
  readonly seconds: number;
  /** Nanoseconds that the gateway's processes ran. */
  readonly cpu: number;
  /** Nanoseconds that the kernel's network thread of the gateway's processor ran. */
  readonly softirq: number;
  /** Share of that time that others had of the gateway's processor: other programs, or a hypervisor. */
  readonly foreign: number;
}

/**
 * Packets a second that "as many as can be sent" comes to: more than one core can send, and for trains more than any gateway here
 * takes. All of them are sealed beforehand, so more would only cost memory and time.
 */
const FLAT_OUT = { single: 450_000, largeTrains: 700_000, smallTrains: 1_600_000 } as const;
const DRAINED_MS = 60;

/** A contestant that runs. */
export class Track implements AsyncDisposable {
  readonly contestant: Contestant;
  readonly network: Network;
  readonly #clients: number;
  readonly #flows: number;
  readonly #cpu: Processors;
  readonly #softirq: number | undefined;
  #daemon: RunningProcess | undefined;
  #sequence = 0;
  #endpoints: readonly Endpoint[] = [];

  private constructor(contestant: Contestant, clients: number, flows: number, cpu: Processors) {
    this.contestant = contestant;
    this.network = new Network();
    this.#clients = clients;
    this.#flows = flows;
    this.#cpu = cpu;
    this.#softirq = softirqThread(cpu.gateway);
  }

  /** Starts `contestant`, and proves that it relays every flow both ways. Its files go into a directory within `dir`. */
  static async start(
    contestant: Contestant,
    options: {
      readonly processes: Processes;
      readonly dir: string;
      readonly cpu: Processors;
      readonly clients?: number;
      readonly flows?: number;
      readonly nodeOptions?: string;
    },
  ): Promise<Track> {
    const { processes, cpu, clients = 1, flows = 1, nodeOptions = '' } = options;
    const dir = join(options.dir, contestant.name);
    mkdirSync(dir, { recursive: true });
    const track = new Track(contestant, clients, flows, cpu);
    try {
      track.#daemon = await contestant.start({
        ...{ network: track.network, processes, dir, cpu: cpu.gateway, clients, nodeOptions },
      });
      await track.prime();
      return track;
    } catch (error) {
      await track[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Processes of the gateway. */
  pids(): number[] {
    return this.network.pids('gateway');
  }

  /** The external endpoint of each flow, as of the last {@link prime}. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Reserves `count` sequence numbers and returns the first. */
  takeSequence(count: number): number {
    const first = this.#sequence;
    this.#sequence += count;
    return first;
  }

  /** Sends one packet of each flow to and fro. */
  async prime(): Promise<void> {
    const program = new LoadProgram('prime', ['taskset', '-c', `${this.#cpu.load}`], {
      clientNamespace: this.network.path('client'),
      thirdNamespace: this.network.path('third'),
      clients: this.#clients,
      flows: this.#flows,
      firstSequence: this.#sequence,
    } satisfies PrimeOptions);
    const { endpoints, used } = await program.outcome<Primed>();
    this.#sequence += used;
    this.#endpoints = endpoints;
    const stranger = endpoints.find((e) => e.address !== this.contestant.external);
    if (stranger) throw new Error(`${this.contestant.label} relayed from ${stranger.address}`);
  }

  /** Applies `load` and observes. */
  async measure(load: Load): Promise<Sample> {
    if (load.direction === 'download') await this.prime();
    const program = load.direction === 'upload' ? this.#upload(load) : this.#download(load);
    await program.prepared();
    const box = load.direction === 'upload' ? 'third' : 'client';
    const pids = this.pids();
    const before = this.#observe(box, pids);
    const { sent, seconds } = await program.outcome<Blasted>();
    await this.#drained(box);
    const after = this.#observe(box, pids);
    if (!this.#daemon?.isRunning) throw new Error(`${this.contestant.label} ended under load`);
    const payload = load.direction === 'upload' ? load.inner - INNER_HEADERS : load.inner + OVERHEAD;
    const cpu = after.cpu - before.cpu;
    const softirq = after.softirq - before.softirq;
    const others = after.busy - before.busy - (cpu + softirq) / 1e9 + after.stolen - before.stolen;
    return {
      offered: sent,
      delivered: datagrams(before.count, after.count, payload),
      foreign: Math.max(0, others / (after.time - before.time)),
      ...{ seconds, cpu, softirq },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.stop('SIGTERM', 5000).catch(() => {});
    this.network[Symbol.dispose]();
  }

  #upload({ inner, train, seconds, ...load }: Load): LoadProgram {
    const rate = load.rate || flatOut(inner, train);
    const count = Math.ceil((seconds * rate) / train) * train;
    return new LoadProgram('upload', this.network.argv('client', this.#cpu.load, []), {
      clients: this.#clients,
      flows: this.#flows,
      firstSequence: this.takeSequence(count),
      ...{ inner, count, train, seconds, rate },
    } satisfies UploadOptions);
  }

  #download({ inner, train, seconds, ...load }: Load): LoadProgram {
    const rate = load.rate || flatOut(inner, train);
    return new LoadProgram('download', this.network.argv('third', this.#cpu.load, []), {
      destinations: this.#endpoints,
      ...{ inner, train, seconds, rate },
    } satisfies DownloadOptions);
  }

  /** Waits until what is still on its way has arrived. */
  async #drained(box: 'client' | 'third'): Promise<void> {
    for (let last = -1; ; ) {
      const { octets } = this.network.count(box);
      if (octets === last) return;
      last = octets;
      await sleep(DRAINED_MS);
    }
  }

  #observe(box: 'client' | 'third', pids: readonly number[]) {
    return {
      count: this.network.count(box),
      cpu: cpuTime(pids),
      softirq: this.#softirq === undefined ? 0 : cpuTime([this.#softirq]),
      ...processorTime(this.#cpu.gateway),
      time: performance.now() / 1000,
    };
  }
}

const flatOut = (inner: number, train: number): number => {
  if (train === 1) return FLAT_OUT.single;
  return inner > 500 ? FLAT_OUT.largeTrains : FLAT_OUT.smallTrains;
};

/** How many datagrams of `payload` octets arrived, whether one by one or in super-packets with one header for many. */
const datagrams = (before: Count, after: Count, payload: number): number =>
  Math.round((after.octets - before.octets - INNER_HEADERS * (after.packets - before.packets)) / payload);
