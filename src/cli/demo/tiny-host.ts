// A scripted host: one address, ICMP echo both ways, UDP ports and TCP connections, in memory. It plays the client's computer and the
// third party where there is no root to make real ones. It verifies whatever reaches it, and keeps a list of who it heard from.

import { formatIp4, type Ip4 } from '../../wire/addr.ts';
import { type Arrival, echoPacket, type Path, readPacket, reversed, tcpPacket, udpPacket } from './packets.ts';
import type { Sighting } from './sighting.ts';
import { TinyTcp } from './tiny-tcp.ts';

const INITIAL_SEQUENCE = 0xfffffff0;

/** Takes what a UDP port received; what it returns is sent back. */
export type UdpService = (text: string, from: string) => string | undefined;
/** Answers a TCP request that is complete; `undefined` if it is not yet. */
export type TcpService = (text: string, from: string) => string | undefined;

const textOf = (octets: Uint8Array): string => new TextDecoder().decode(octets);
const keyOf = (p: Path): string => `${p.src}:${p.srcPort}-${p.dstPort}`;
const endpointOf = (address: Ip4, port: number): string => `${formatIp4(address)}:${port}`;

/** A host on an in-memory link. */
export class TinyHost {
  readonly #name: string;
  readonly #address: Ip4;
  readonly #emit: (packet: Uint8Array) => void;
  readonly #udp = new Map<number, UdpService>();
  readonly #tcp = new Map<number, TcpService>();
  readonly #connections = new Map<string, TinyTcp>();
  readonly #echoReplies: number[] = [];
  /** Who was heard from: one entry an echo request, a UDP datagram, a TCP connection. */
  readonly sightings: Sighting[] = [];

  /** `emit` puts a packet on the host's link. */
  constructor(name: string, address: Ip4, emit: (packet: Uint8Array) => void) {
    this.#name = name;
    this.#address = address;
    this.#emit = emit;
  }

  /** Serves a UDP port. */
  onUdp(port: number, service: UdpService): void {
    this.#udp.set(port, service);
  }

  /** Serves a TCP port: one request and one response a connection. */
  onTcp(port: number, service: TcpService): void {
    this.#tcp.set(port, service);
  }

  /** Sends an ICMP echo request. */
  ping(remote: Ip4, id: number, sequence: number, data: Uint8Array): void {
    this.#emit(echoPacket({ src: this.#address, srcPort: id, dst: remote, dstPort: id }, false, sequence, data));
  }

  /** Sequence numbers of the echo replies that came. */
  get echoReplies(): readonly number[] {
    return this.#echoReplies;
  }

  /** Sends a UDP datagram. */
  sendUdp(port: number, remote: Ip4, remotePort: number, text: string): void {
    const path = { src: this.#address, srcPort: port, dst: remote, dstPort: remotePort };
    this.#emit(udpPacket(path, new TextEncoder().encode(text)));
  }

  /** Opens a TCP connection and sends `request` on it. */
  connect(port: number, remote: Ip4, remotePort: number, request: string): TinyTcp {
    const connection = this.#open(
      { src: remote, srcPort: remotePort, dst: this.#address, dstPort: port },
      () => undefined,
    );
    connection.connect(request);
    return connection;
  }

  /** Takes a packet from the link. Throws if anything about it is wrong. */
  deliver(packet: Uint8Array): void {
    const arrival = readPacket(this.#name, packet);
    if (arrival.path.dst !== this.#address) {
      throw new Error(`${this.#name} received a packet for ${formatIp4(arrival.path.dst)}, which it is not`);
    }
    if (arrival.kind === 'echo') this.#onEcho(arrival);
    else if (arrival.kind === 'udp') this.#onUdp(arrival);
    else this.#onSegment(arrival);
  }

  #see(protocol: Sighting['protocol'], path: Path, what: string): void {
    this.sightings.push({ protocol, address: formatIp4(path.src), port: path.srcPort, what });
  }

  #onEcho({ path, isReply, sequence, data }: Extract<Arrival, { kind: 'echo' }>): void {
    if (isReply) {
      this.#echoReplies.push(sequence);
      return;
    }
    this.#see('icmp', path, `echo request ${sequence}`);
    this.#emit(echoPacket(reversed(path), true, sequence, data));
  }

  #onUdp({ path, data }: Extract<Arrival, { kind: 'udp' }>): void {
    const service = this.#udp.get(path.dstPort);
    if (service === undefined)
      throw new Error(`${this.#name} received UDP for port ${path.dstPort}, which is not open`);
    const text = textOf(data);
    this.#see('udp', path, text.split('\n')[0]!);
    const answer = service(text, endpointOf(path.src, path.srcPort));
    if (answer !== undefined) this.sendUdp(path.dstPort, path.src, path.srcPort, answer);
  }

  #onSegment({ path, segment }: Extract<Arrival, { kind: 'tcp' }>): void {
    let connection = this.#connections.get(keyOf(path));
    if (connection === undefined) {
      const service = this.#tcp.get(path.dstPort);
      if (service === undefined)
        throw new Error(`${this.#name} received TCP for port ${path.dstPort}, which is not open`);
      connection = this.#open(path, service);
    }
    connection.receive(segment);
  }

  /** A connection whose remote endpoint is the source of `path`. */
  #open(path: Path, service: TcpService): TinyTcp {
    const back = reversed(path);
    const connection = new TinyTcp(
      {
        send: (segment) => this.#emit(tcpPacket(back, segment)),
        onText: (open, text) => {
          const answer = service(text, endpointOf(path.src, path.srcPort));
          if (answer === undefined) return;
          this.#see('tcp', path, text.split('\r\n')[0]!);
          open.write(answer, true);
        },
      },
      INITIAL_SEQUENCE,
    );
    this.#connections.set(keyOf(path), connection);
    return connection;
  }
}
