// The few statistics that the benchmark quotes. Medians, because a shared machine spoils single runs and nothing else; ratios from
// pairs that were measured one right after the other, so that a drift of the machine cancels.

/** The middle of `values`, or the mean of the two middle ones; NaN if there are none. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The value below which the share `q` of `values` lies, interpolated between neighbors; NaN if there are none. */
export const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const low = Math.floor(place);
  const below = sorted[low] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - low);
};

/** What `values` say together. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Summarizes `values`. */
export const summarize = (values: readonly number[]): Summary => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
});

/** The median of `a[i] / b[i]`, where both of a pair were measured in the same repetition. */
export const ratio = (a: readonly number[], b: readonly number[]): number =>
  median(a.slice(0, b.length).map((value, i) => value / b[i]!));
