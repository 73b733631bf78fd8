// A UDP socket in a box, held by a small process there: it sends what a test tells it to and tells what it receives, and from whom.

import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { eventually, type RunningProcess } from './processes.ts';
import type { Box } from './topology.ts';

/** An address with a port, as the box that speaks of it sees it. */
export interface UdpEndpoint {
  readonly address: string;
  readonly port: number;
}

/** What the process tells. */
export type AgentEvent =
  | { readonly kind: 'listening'; readonly port: number }
  | ({ readonly kind: 'datagram'; readonly text: string } & UdpEndpoint)
  | { readonly kind: 'error'; readonly code: string };
/** What the process is told: a datagram to send. */
export interface AgentOrder extends UdpEndpoint {
  readonly text: string;
}

/** A datagram that arrived, and from where. */
export interface Received {
  readonly text: string;
  readonly from: UdpEndpoint;
}

const SCRIPT = join(import.meta.dirname, 'udp-agent-process.ts');

/** A UDP socket in a box. */
export class UdpAgent {
  readonly received: Received[] = [];
  /** Codes of errors that the socket reported, such as `ECONNREFUSED`. */
  readonly errors: string[] = [];
  readonly box: Box;
  /** The local port; 0 until it listens. */
  port = 0;
  readonly #process: RunningProcess;
  readonly #remote: UdpEndpoint | undefined;

  private constructor(lab: Lab, box: Box, address: string, port: number, remote: UdpEndpoint | undefined) {
    this.box = box;
    this.#remote = remote;
    const connect = remote === undefined ? [] : [remote.address, `${remote.port}`];
    this.#process = lab.spawn(box, [process.execPath, SCRIPT, address, `${port}`, ...connect], { ipc: true });
    this.#process.child.on('message', (event: AgentEvent) => {
      if (event.kind === 'listening') this.port = event.port;
      else if (event.kind === 'error') this.errors.push(event.code);
      else this.received.push({ text: event.text, from: { address: event.address, port: event.port } });
    });
  }

  /** Opens a socket in `box`. With `remote` it is connected, and hears of ICMP errors. */
  static async start(
    lab: Lab,
    box: Box,
    options: { address?: string; port?: number; remote?: UdpEndpoint } = {},
  ): Promise<UdpAgent> {
    const agent = new UdpAgent(lab, box, options.address ?? '0.0.0.0', options.port ?? 0, options.remote);
    await eventually(
      () => `a socket in ${box}: ${agent.errors}`,
      () => agent.port !== 0,
    );
    return agent;
  }

  /** Sends `text`; to where it is connected if it is. */
  send(text: string, to: UdpEndpoint | undefined = this.#remote): void {
    if (to === undefined) throw new Error('to where?');
    this.#process.child.send({ text, ...to } satisfies AgentOrder);
  }

  /** Waits for a datagram with just this text. */
  async receive(text: string, timeout = 3000): Promise<Received> {
    let found: Received | undefined;
    await eventually(
      () => `"${text}" in ${this.box}; received: ${JSON.stringify(this.received)}; errors: ${this.errors}`,
      () => {
        found = this.received.find((r) => r.text === text);
        return found !== undefined;
      },
      timeout,
    );
    return found!;
  }

  /** Waits until the socket has reported the error `code`. */
  async error(code: string): Promise<void> {
    await eventually(
      () => `${code} in ${this.box}; had: ${this.errors}`,
      () => this.errors.includes(code),
    );
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }
}
