// Spans of time as people write them: `5m`, `2h4m`, `60s`, `500ms`. A bare number is refused, because nobody can tell whether its
// author thought of seconds.

import { type Duration, milliseconds } from '../base/time.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

const FORM = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;

/** Parses days, hours, minutes, seconds and milliseconds in this order, each at most once; `undefined` if it is anything else. */
export const parseDuration = (text: string): Duration | undefined => {
  const match = FORM.exec(text);
  if (match === null || text === '') return undefined;
  return milliseconds(UNITS.reduce((sum, [, size], i) => sum + Number(match[i + 1] ?? 0) * size, 0));
};

/** Formats `d` so that {@link parseDuration} gives it back: 7440000 is `2h4m`. */
export const formatDuration = (d: Duration): string => {
  let rest: number = d;
  let text = '';
  for (const [unit, size] of UNITS) {
    const n = Math.floor(rest / size);
    if (n > 0) text += `${n}${unit}`;
    rest -= n * size;
  }
  return text === '' ? '0s' : text;
};
