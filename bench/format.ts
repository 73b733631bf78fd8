// Figures as people read them, and tables as Markdown and as text.

import type { Table } from './question.ts';
import type { Summary } from './stats.ts';

/** Three significant digits, without an exponent. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value
    .toPrecision(3)
    .replace(/^(\d+\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
};

/** The median, and the least and most in brackets. */
export const spread = ({ median, min, max }: Summary): string => `${figure(median)} (${figure(min)}–${figure(max)})`;

/** A factor: `0.24 ×`. */
export const factor = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(2)} ×` : '–');

const line = (cells: readonly string[], widths: readonly number[]): string =>
  `| ${cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join(' | ')} |`;

/** A table as Markdown, which is as readable on a terminal. */
export const formatTable = ({ head, rows }: Table): string => {
  const widths = head.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c]!.length), 3));
  const rule = `|${widths.map((w, c) => (c === 0 ? `${'-'.repeat(w + 2)}` : `${'-'.repeat(w + 1)}:`)).join('|')}|`;
  return [line(head, widths), rule, ...rows.map((row) => line(row, widths))].join('\n');
};
