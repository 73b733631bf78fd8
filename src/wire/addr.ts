// Addresses and prefixes as integers. Text exists only where people are: configuration, logs, the API.

import type { Brand } from '../base/brand.ts';

/** An IPv4 address as a host-order uint32. */
export type Ip4 = Brand<number, 'Ip4'>;
/** A UDP or TCP port, or an ICMP query id: a uint16. */
export type Port = Brand<number, 'Port'>;

/** Makes an {@link Ip4} from a number, wrapped to 32 bits. */
export const ip4 = (n: number): Ip4 => (n >>> 0) as Ip4;
/** Makes a {@link Port} from a number, wrapped to 16 bits. */
export const port = (n: number): Port => (n & 0xffff) as Port;

/** An IPv4 prefix whose host bits are zero. */
export interface Prefix4 {
  readonly address: Ip4;
  /** 0 to 32. */
  readonly length: number;
}

/** Parses four decimal octets without leading zeros; `undefined` if it is anything else. */
export const parseIp4 = (text: string): Ip4 | undefined => {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let n = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    n = n * 256 + Number(part);
  }
  return ip4(n);
};

/** Formats `a` as four decimal octets. */
export const formatIp4 = (a: Ip4): string => `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;

/** The mask of a prefix of `length` bits. */
export const maskOf = (length: number): number => (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);

/** Parses `a.b.c.d/len`, or a lone address as a /32; `undefined` if malformed or if host bits are set. */
export const parsePrefix4 = (text: string): Prefix4 | undefined => {
  const [addressText = '', lengthText = '32', ...rest] = text.split('/');
  const address = parseIp4(addressText);
  if (address === undefined || rest.length > 0 || !/^\d{1,2}$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > 32 || (address & ~maskOf(length)) !== 0) return undefined;
  return { address, length };
};

/** Formats `p` as `a.b.c.d/len`. */
export const formatPrefix4 = (p: Prefix4): string => `${formatIp4(p.address)}/${p.length}`;

/** Whether `a` lies in `p`. */
export const contains = (p: Prefix4, a: Ip4): boolean => ((a ^ p.address) & maskOf(p.length)) === 0;

/** How many addresses `p` has. */
export const sizeOf = (p: Prefix4): number => 2 ** (32 - p.length);
