// What a question of the benchmark is: it asks one thing, measures everybody who has an answer side by side, and says what it found as
// tables for people and as claims that a short run can be held to.

import type { Processes } from '../test/netns/processes.ts';
import type { Requirements } from '../test/support/requires.ts';
import type { Contestant } from './contestants.ts';
import type { Processors } from './track.ts';

/** The circumstances of one run of the benchmark. */
export interface Run {
  readonly repetitions: number;
  /** Length of one load. */
  readonly seconds: number;
  readonly contestants: readonly Contestant[];
  /** For files; exists, and goes with the run. */
  readonly dir: string;
  readonly processes: Processes;
  readonly cpu: Processors;
  /** For Anygate's Node, such as `--cpu-prof`. */
  readonly nodeOptions: string;
  /** Tells whoever waits what has just been measured. */
  progress(line: string): void;
}

/** A table; cells are text. */
export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Something that must hold on any machine, however busy. */
export interface Claim {
  readonly text: string;
  readonly holds: boolean;
}

/** What was found. */
export interface Answer {
  readonly tables: readonly Table[];
  /** Markdown that follows the tables. */
  readonly text?: string;
  readonly claims: readonly Claim[];
  /** Every single figure, for whoever wants to look closer. */
  readonly samples: unknown;
}

/** A question. */
export interface Question {
  readonly name: string;
  readonly title: string;
  /** What is asked and how it is measured. */
  readonly asks: string;
  readonly needs: Requirements;
  answer(run: Run): Promise<Answer>;
}
