// What is wrong with a configuration. Problems are collected, not thrown one by one: whoever mends a file wants to see all of them.
// The value of a key that holds a secret never enters a message.

/** Where in the configuration: keys and list positions from the root. */
export type KeyPath = readonly (string | number)[];

/** One thing to mend, or with severity `warning` to think about. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Key path, as `clients[0].mux`; empty for the file as a whole. */
  readonly path: string;
  /** Line of the file, from 1; absent if the file has no such line. */
  readonly line?: number;
  /** The environment variable that set the value, if one did. */
  readonly variable?: string;
  /** What is wrong and what to change. */
  readonly message: string;
}

/** No known key is longer. */
const LONGEST_KEY = 24;

/**
 * A key of the file for a message. It is cut at the first character that no known key has, and when it is too long to be one: what
 * looks like a key may be a secret, or have one behind it (`key:c0ffee` without a blank is one word to YAML).
 */
export const showKey = (key: string): string => {
  const word = /^[A-Za-z0-9_-]*/.exec(key)?.[0] ?? '';
  if (word === key && key.length <= LONGEST_KEY) return key;
  return `${word.length <= LONGEST_KEY ? word : ''}…`;
};

/** `['clients', 0, 'mux']` as people write it: `clients[0].mux`. */
export const formatKey = (path: KeyPath): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? showKey(step) : `${text}.${showKey(step)}`;
  }, '');

/** One line for people: where, then what. `file` is the name they gave. */
export const formatProblem = (file: string, problem: Problem): string => {
  const place = problem.variable ?? (problem.line === undefined ? file : `${file}:${problem.line}`);
  const subject = problem.path === '' ? '' : `${problem.path}: `;
  return `${place}: ${problem.severity === 'warning' ? 'warning: ' : ''}${subject}${problem.message}`;
};

/** Collects the problems of one file. What is said about a key that has an error already is a consequence of it, and left out. */
export class Report {
  readonly #problems: Problem[] = [];
  readonly #broken = new Set<string>();
  readonly #lineOf: (path: KeyPath) => number | undefined;
  readonly #variableOf: (path: KeyPath) => string | undefined;

  constructor(
    lineOf: (path: KeyPath) => number | undefined,
    variableOf: (path: KeyPath) => string | undefined = () => undefined,
  ) {
    this.#lineOf = lineOf;
    this.#variableOf = variableOf;
  }

  /** Everything reported so far: errors and warnings in the order of their lines. */
  get problems(): readonly Problem[] {
    return [...this.#problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  }

  get hasErrors(): boolean {
    return this.#problems.some((p) => p.severity === 'error');
  }

  /** Reports that the value at `path` cannot be used. */
  error(path: KeyPath, message: string): void {
    if (this.isBroken(path)) return;
    this.#broken.add(JSON.stringify(path));
    this.#add('error', path, message);
  }

  /** Reports an error that makes nothing else meaningless, such as an unknown key. */
  complain(path: KeyPath, message: string): void {
    this.#add('error', path, message);
  }

  warn(path: KeyPath, message: string): void {
    if (!this.isBroken(path)) this.#add('warning', path, message);
  }

  /** Whether the value at `path`, or one that it is part of, has an error already. */
  isBroken(path: KeyPath): boolean {
    if (this.#broken.size === 0) return false;
    for (let n = 0; n <= path.length; n++) if (this.#broken.has(JSON.stringify(path.slice(0, n)))) return true;
    return false;
  }

  #add(severity: Problem['severity'], path: KeyPath, message: string): void {
    const line = this.#lineOf(path);
    const variable = this.#variableOf(path);
    this.#problems.push({
      severity,
      path: formatKey(path),
      ...(line === undefined ? {} : { line }),
      ...(variable === undefined ? {} : { variable }),
      message,
    });
  }
}
