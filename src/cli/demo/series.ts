// The gateway's metrics as a table of numbers: from the text that Prometheus gets, or from the counters themselves where there is no
// HTTP. The names of series are the same.

import { Cell, type CounterName, type Counters, cellsOf, counterFamilies, metricName } from '../../base/counters.ts';
import { labelsOf } from '../../control/metrics.ts';

/** A series’ name with its labels in the order of the alphabet. */
const nameOf = (family: string, labels: readonly string[]): string =>
  labels.length === 0 ? family : `${family}{${labels.toSorted().join(',')}}`;

/** Parses Prometheus’ text format. Labels are in the order of the alphabet: `x_total{direction="outbound",protocol="udp"}`. */
export const parseSeries = (text: string): ReadonlyMap<string, number> => {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null) continue;
    const labels = [...(match[2] ?? '').matchAll(/\w+="(?:[^"\\]|\\.)*"/g)].map((m) => m[0]);
    series.set(nameOf(match[1]!, labels), Number(match[3]));
  }
  return series;
};

/** The series of a shard's counters, as {@link parseSeries} has them. */
export const seriesOf = (counters: Counters): ReadonlyMap<string, number> => {
  const series = new Map<string, number>();
  for (const [name, family] of Object.entries(counterFamilies)) {
    for (let i = 0; i < cellsOf(family); i++) {
      const labels = Object.entries(labelsOf(family, i)).map(([label, value]) => `${label}="${value}"`);
      const cell = Cell[name as CounterName] + i;
      series.set(nameOf(metricName(name as CounterName), labels), counters[cell]!);
    }
  }
  return series;
};
