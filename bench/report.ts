// docs/benchmarks.md: what was asked, what was found, and on what. Written by the run that measured it and by nobody else.

import { formatTable } from './format.ts';
import type { Fact } from './machine.ts';
import type { Answer, Question } from './question.ts';

/** A question and its answer. */
export interface Answered {
  readonly question: Question;
  readonly answer: Answer;
}

/** What all answers of a run have in common. */
export interface Circumstances {
  readonly machine: readonly Fact[];
  readonly repetitions: number;
  readonly seconds: number;
  /** How long it took, in seconds. */
  readonly lasted: number;
}

/** One question's section. */
export const formatAnswer = ({ question, answer }: Answered): string =>
  [
    `## ${question.title}`,
    question.asks,
    ...answer.tables.flatMap((table) => [`**${table.caption}**`, formatTable(table)]),
    ...(answer.text === undefined ? [] : [answer.text]),
  ].join('\n\n');

/** The whole page. */
export const formatReport = (answered: readonly Answered[], c: Circumstances): string => {
  return `# Benchmarks

Written by \`npm run bench -- --write\` as root; nothing here is edited by hand. Every figure is the median of ${c.repetitions} repetitions of
${c.seconds} s, with the least and the most in brackets. All gateways run at the same time, each on a network of its own, and are loaded in
turns, in alternating order; a ratio is the median of the ratios of neighboring measurements.

${answered.map(formatAnswer).join('\n\n')}

## The machine

${formatTable({ caption: '', head: ['what', 'which'], rows: c.machine.map(([name, value]) => [name, value]) })}

Ratios mean something, absolute figures only on this machine. The whole run took ${Math.round(c.lasted)} s.
`;
};
