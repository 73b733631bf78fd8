// Reads what tcpdump wrote: the UDP datagrams of a capture, with their payload. Only what the laboratory needs: the classic format
// in this machine's byte order, Ethernet or raw IP, no extension headers.

import { readFileSync } from 'node:fs';

/** A captured UDP datagram. */
export interface CapturedDatagram {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
  readonly payload: Buffer;
}

const LINK_ETHERNET = 1;
const LINK_RAW = 101;

const udpAt = (ip: Buffer): { at: number; src: string; dst: string } | undefined => {
  const version = ip[0]! >> 4;
  if (version === 4 && ip[9] === 17) {
    const dotted = (at: number): string => [...ip.subarray(at, at + 4)].join('.');
    return { at: (ip[0]! & 15) * 4, src: dotted(12), dst: dotted(16) };
  }
  if (version === 6 && ip[6] === 17) {
    const hex = (at: number): string => ip.toString('hex', at, at + 16).replace(/(....)(?!$)/g, '$1:');
    return { at: 40, src: hex(8), dst: hex(24) };
  }
  return undefined;
};

/** The UDP datagrams in the capture `file`, in order; IPv6 addresses are written in full. A torn last record is left out. */
export const readDatagrams = (file: string): CapturedDatagram[] => {
  const data = readFileSync(file);
  if (data.length < 24) return [];
  const isNanoseconds = data.readUInt32LE(0) === 0xa1b23c4d;
  const link = data.readUInt32LE(20) & 0xffff;
  if (link !== LINK_ETHERNET && link !== LINK_RAW) throw new Error(`${file}: link type ${link}`);
  const datagrams: CapturedDatagram[] = [];
  for (let at = 24; at + 16 <= data.length; ) {
    const length = data.readUInt32LE(at + 8);
    if (at + 16 + length > data.length) break;
    const time = data.readUInt32LE(at) + data.readUInt32LE(at + 4) / (isNanoseconds ? 1e9 : 1e6);
    const ip = data.subarray(at + 16 + (link === LINK_ETHERNET ? 14 : 0), at + 16 + length);
    at += 16 + length;
    const udp = ip.length === 0 ? undefined : udpAt(ip);
    if (!udp) continue;
    const size = ip.readUInt16BE(udp.at + 4);
    datagrams.push({
      time,
      src: udp.src,
      srcPort: ip.readUInt16BE(udp.at),
      dst: udp.dst,
      dstPort: ip.readUInt16BE(udp.at + 2),
      payload: ip.subarray(udp.at + 8, udp.at + size),
    });
  }
  return datagrams;
};

/** The clear header fields of a SATP datagram. */
export const satpHeader = (payload: Buffer): { sequence: number; senderId: number; mux: number } => ({
  sequence: payload.readUInt32BE(0),
  senderId: payload.readUInt16BE(4),
  mux: payload.readUInt16BE(6),
});
