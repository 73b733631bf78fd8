// What passes a device, told by tcpdump: the judge of most tests, since it is not the gateway's own word.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type RunningProcess } from './processes.ts';

/** One captured packet. Ports are absent where the protocol has none. */
export interface CapturedPacket {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly src: string;
  readonly srcPort?: number;
  readonly dst: string;
  readonly dstPort?: number;
  /** What tcpdump says about the rest, such as `UDP, length 5` or `ICMP echo request, id 7, seq 1, length 64`. */
  readonly info: string;
}

const splitPort = (text: string): { host: string; port?: number } => {
  const dot = text.lastIndexOf('.');
  const isV4 = !text.includes(':');
  if (dot < 0 || (isV4 && text.split('.').length < 5)) return { host: text };
  return { host: text.slice(0, dot), port: Number(text.slice(dot + 1)) };
};

/** Throws, showing the first of them, unless there are none. */
export const assertNone = (packets: readonly CapturedPacket[], what: string): void => {
  if (packets.length === 0) return;
  throw new Error(`${what}: ${packets.length} packets, such as ${JSON.stringify(packets.slice(0, 5), undefined, 1)}`);
};

/** Parses a line of `tcpdump -n -tt`; `undefined` if it is no IP packet. */
export const parseLine = (line: string): CapturedPacket | undefined => {
  const match = /^(\d+\.\d+) IP6? (\S+) > (\S+): (.*)$/.exec(line);
  if (!match) return undefined;
  const [, time, from, to, info] = match as unknown as [string, string, string, string, string];
  const src = splitPort(from);
  const dst = splitPort(to);
  return {
    time: Number(time),
    src: src.host,
    ...(src.port !== undefined && { srcPort: src.port }),
    dst: dst.host,
    ...(dst.port !== undefined && { dstPort: dst.port }),
    info,
  };
};

/** A running tcpdump. Its packets are also in the pcap {@link file}. */
export class Capture {
  readonly file: string;
  readonly #process: RunningProcess;

  private constructor(process: RunningProcess, file: string) {
    this.#process = process;
    this.file = file;
  }

  static argv(device: string, file: string, filter: string): string[] {
    return [
      'tcpdump',
      '-i',
      device,
      '-n',
      '-tt',
      '-l',
      '-U',
      '--immediate-mode',
      '--print',
      '-w',
      file,
      '-Z',
      'root',
      // tcpdump takes every name that begins with `any` for its pseudo-device of that name, and asks for a wrong link type.
      ...(device.startsWith('any') ? ['-y', 'RAW'] : []),
      filter,
    ];
  }

  /** Waits until `process` captures. */
  static async start(process: RunningProcess, file: string): Promise<Capture> {
    const capture = new Capture(process, file);
    await eventually(
      () => `tcpdump: ${capture.#text()}`,
      () => capture.#text().includes('listening on'),
    );
    return capture;
  }

  #text(): string {
    return readFileSync(this.#process.log, 'utf8');
  }

  /** What has been captured so far. */
  packets(): CapturedPacket[] {
    return this.#text()
      .split('\n')
      .map(parseLine)
      .filter((packet) => packet !== undefined);
  }

  /** Waits for a packet that `wanted` accepts. */
  async waitFor(what: string, wanted: (packet: CapturedPacket) => boolean, timeout = 5000): Promise<CapturedPacket> {
    let found: CapturedPacket | undefined;
    await eventually(
      () => `${what}; captured:\n${this.#text()}`,
      () => {
        found = this.packets().find(wanted);
        return found !== undefined;
      },
      timeout,
    );
    return found!;
  }

  /** Ends the capture, a moment after so that what is on its way is in, and returns all packets. */
  async stop(): Promise<CapturedPacket[]> {
    await sleep(100);
    await this.#process.stop('SIGINT');
    return this.packets();
  }
}
