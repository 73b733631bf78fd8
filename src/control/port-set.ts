// Sets of ports as the kernel writes them in `net.ipv4.ip_local_reserved_ports`: `8080,9000-9100`. The gateway adds its own range to
// what is there and later takes away just that, so that what others reserved in the meantime stays.

/** Ports from `low` to `high`, both included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** Ascending ranges that neither overlap nor touch. */
export type PortSet = readonly PortRange[];

const normalized = (ranges: readonly PortRange[]): PortSet => {
  const result: { low: number; high: number }[] = [];
  for (const { low, high } of ranges.toSorted((a, b) => a.low - b.low)) {
    const last = result.at(-1);
    if (last !== undefined && low <= last.high + 1) last.high = Math.max(last.high, high);
    else result.push({ low, high });
  }
  return result;
};

/** Parses the kernel's text, which is well-formed; empty is the empty set. */
export const parsePortSet = (text: string): PortSet =>
  normalized(
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map((part) => {
        const [low = 0, high = low] = part.split('-').map(Number);
        return { low, high };
      }),
  );

/** Formats `set` as the kernel does. */
export const formatPortSet = (set: PortSet): string =>
  set.map(({ low, high }) => (low === high ? `${low}` : `${low}-${high}`)).join(',');

/** The ports that are in either. */
export const union = (a: PortSet, b: PortSet): PortSet => normalized([...a, ...b]);

/** The ports of `a` that are not in `b`. */
export const subtract = (a: PortSet, b: PortSet): PortSet =>
  b.reduce<readonly PortRange[]>(
    (rest, { low, high }) =>
      rest.flatMap((range) => {
        const pieces = [
          { low: range.low, high: Math.min(range.high, low - 1) },
          { low: Math.max(range.low, high + 1), high: range.high },
        ];
        return pieces.filter((piece) => piece.low <= piece.high);
      }),
    a,
  );

/** The ports that are in both. */
export const intersect = (a: PortSet, b: PortSet): PortSet => subtract(a, subtract(a, b));

/** How many ports `set` has. */
export const countPorts = (set: PortSet): number => set.reduce((n, { low, high }) => n + high - low + 1, 0);
