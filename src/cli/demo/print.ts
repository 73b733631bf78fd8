// How the demonstration looks: numbered steps with a mark, lines below them, tables with aligned columns. Colour and a mark for the
// step at work are for terminals only; whatever else reads gets plain lines.

/** What {@link Printer} needs of a stream. */
export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Columns of a step's title with the blanks behind it. */
const TITLE = 10;
const STEP_INDENT = ' '.repeat(5 + TITLE);
const INDENT = '     ';
const GREEN = 32;
const RED = 31;
const BOLD = 1;
const DIM = 2;

/** Aligns `rows` under `header`, each column as wide as its widest cell; numbers stand at the right. */
export const alignColumns = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] => {
  const widths = header.map((title, c) => Math.max(title.length, ...rows.map((row) => `${row[c] ?? ''}`.length)));
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, c) => (typeof cell === 'number' ? `${cell}`.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
      .join('   ')
      .trimEnd();
  const isNumber = header.map((_, c) => rows.length > 0 && rows.every((row) => typeof row[c] === 'number'));
  return [line(header.map((title, c) => (isNumber[c] ? title.padStart(widths[c]!) : title))), ...rows.map(line)];
};

/** Prints a demonstration to a screen. */
export class Printer {
  readonly #screen: Screen;
  readonly #isStyled: boolean;
  #steps = 0;

  /** `environment` may say NO_COLOR (no-color.org). */
  constructor(screen: Screen, environment: Readonly<Record<string, string | undefined>>) {
    this.#screen = screen;
    this.#isStyled = screen.isTTY === true && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
  }

  /** A title in bold and sentences below it. */
  introduce(title: string, sentences: readonly string[]): void {
    this.#line(this.#style(BOLD, title));
    for (const sentence of sentences) this.#line(sentence);
    this.#line();
  }

  /** Does `work` as the next numbered step and prints the lines that tell of it. */
  async step<T>(title: string, work: () => Promise<T>, linesOf: (result: T) => readonly string[]): Promise<T> {
    const number = `${++this.#steps}`.padStart(2);
    if (this.#isStyled) this.#screen.write(this.#style(DIM, `${number} … ${title}`));
    try {
      const result = await work();
      const [first = '', ...lines] = linesOf(result);
      this.#mark(number, GREEN, '✓', `${title.padEnd(TITLE)}${first}`);
      for (const line of lines) this.#line(`${STEP_INDENT}${line}`);
      return result;
    } catch (error) {
      this.#mark(number, RED, '✗', title);
      throw error;
    }
  }

  /** A title in bold and a table below it. */
  table(title: string, header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    this.#line();
    this.#line(this.#style(BOLD, title));
    const [head = '', ...lines] = alignColumns(header, rows);
    this.#line(`${INDENT}${this.#style(DIM, head)}`);
    for (const line of lines) this.#line(`${INDENT}${line}`);
  }

  /** A title in bold and lines below it. */
  list(title: string, lines: readonly string[]): void {
    this.#line();
    this.#line(this.#style(BOLD, title));
    for (const line of lines) this.#line(`${INDENT}${line}`);
  }

  #mark(number: string, color: number, mark: string, text: string): void {
    this.#line(`${this.#isStyled ? '\r\x1b[K' : ''}${number} ${this.#style(color, mark)} ${text}`);
  }

  #style(code: number, text: string): string {
    return this.#isStyled ? `\x1b[${code}m${text}\x1b[0m` : text;
  }

  #line(text = ''): void {
    this.#screen.write(`${text}\n`);
  }
}
