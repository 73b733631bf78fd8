// Sets of IPv4 addresses as people write them: `198.51.100.10`, `198.51.100.16/29`, `198.51.100.10-198.51.100.20`. Kept as the
// fewest prefixes in ascending order, which is what routes need; the single addresses come from them.

import {
  contains,
  formatIp4,
  formatPrefix4,
  type Ip4,
  ip4,
  maskOf,
  type Prefix4,
  parseIp4,
  parsePrefix4,
  sizeOf,
} from '../wire/addr.ts';

/** The first address of `p`. */
const firstOf = (p: Prefix4): number => p.address;
/** The last address of `p`. */
const lastOf = (p: Prefix4): number => p.address + sizeOf(p) - 1;

/** The fewest prefixes that cover exactly the addresses from `first` to `last`. */
export const coverRange = (first: Ip4, last: Ip4): readonly Prefix4[] => {
  const prefixes: Prefix4[] = [];
  let at: number = first;
  while (at <= last) {
    let size = 1;
    while (at % (size * 2) === 0 && at + size * 2 - 1 <= last) size *= 2;
    prefixes.push({ address: ip4(at), length: 32 - Math.log2(size) });
    at += size;
  }
  return prefixes;
};

/** Parses one prefix; a text that says what is wrong if it is none. */
export const parsePrefix = (text: string): Prefix4 | string => {
  const prefix = parsePrefix4(text);
  if (prefix !== undefined) return prefix;
  const [addressText = '', lengthText = ''] = text.split('/');
  const address = parseIp4(addressText);
  if (address !== undefined && /^\d{1,2}$/.test(lengthText) && Number(lengthText) <= 32) {
    const meant = { address: ip4(address & maskOf(Number(lengthText))), length: Number(lengthText) };
    return `has bits set behind the prefix length; write ${formatPrefix4(meant)} or ${addressText}/32`;
  }
  return 'must be an IPv4 address or prefix, such as 192.0.2.7 or 192.0.2.0/24';
};

/** Parses one entry of a pool into prefixes; a text that says what is wrong if it is none. */
export const parsePoolEntry = (text: string): readonly Prefix4[] | string => {
  const [from = '', to, ...rest] = text.split('-').map((part) => part.trim());
  if (to === undefined) {
    const prefix = parsePrefix(text.trim());
    return typeof prefix === 'string' ? prefix : [prefix];
  }
  const first = parseIp4(from);
  const last = parseIp4(to);
  if (first === undefined || last === undefined || rest.length > 0)
    return 'must be a range of two IPv4 addresses, such as 192.0.2.10-192.0.2.20';
  if (first > last) return `the range ends before it begins; write ${formatIp4(last)}-${formatIp4(first)}`;
  return coverRange(first, last);
};

/** Whether the two share an address. */
export const overlap = (a: Prefix4, b: Prefix4): boolean =>
  contains(a.length < b.length ? a : b, a.length < b.length ? b.address : a.address);

/** How many addresses `prefixes` have, which do not overlap. */
export const countAddresses = (prefixes: readonly Prefix4[]): number => prefixes.reduce((n, p) => n + sizeOf(p), 0);

/** Every address of `prefixes`, which do not overlap, in ascending order. */
export const expand = (prefixes: readonly Prefix4[]): readonly Ip4[] =>
  prefixes.flatMap((p) => Array.from({ length: sizeOf(p) }, (_, i) => ip4(p.address + i))).sort((a, b) => a - b);

/** Two entries of a list of prefixes that share an address. */
export interface Overlap<T> {
  readonly first: T;
  readonly second: T;
}

/**
 * For every entry that lies within another, that pair in the order of the list; O(n log n). Prefixes overlap only by containment, so
 * the ones around the present address form a stack, and the smallest of them is taken.
 */
export const findOverlaps = <T extends { readonly prefix: Prefix4 }>(entries: readonly T[]): readonly Overlap<T>[] => {
  const order = entries.map((entry, i) => ({ entry, i }));
  order.sort(
    (a, b) =>
      firstOf(a.entry.prefix) - firstOf(b.entry.prefix) || a.entry.prefix.length - b.entry.prefix.length || a.i - b.i,
  );
  const found: Overlap<T>[] = [];
  const open: { readonly entry: T; readonly i: number }[] = [];
  for (const item of order) {
    while (open.length > 0 && lastOf(open.at(-1)!.entry.prefix) < firstOf(item.entry.prefix)) open.pop();
    const around = open.at(-1);
    if (around !== undefined)
      found.push(
        around.i < item.i ? { first: around.entry, second: item.entry } : { first: item.entry, second: around.entry },
      );
    open.push(item);
  }
  return found;
};

const RESERVED: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', '“this network”'],
  ['127.0.0.0/8', 'loopback'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved for ever, or the broadcast address'],
];
const reserved = RESERVED.map(([text, what]) => ({ prefix: parsePrefix4(text)!, what }));

/** Why no host can have an address of `prefix`; `undefined` if hosts can. */
export const unusable = (prefix: Prefix4): string | undefined => reserved.find((r) => overlap(r.prefix, prefix))?.what;
