// What every table here is built from: rows of 32-bit words in one block, an allocator of rows, and doubly linked lists whose links are
// words of the rows themselves. Nothing is allocated after construction; zero-filled memory is the empty state, so rows that are
// never used are never touched.

/** No row. */
export const NO_ROW = -1;

/** Hands out the rows of a table. A released row rests until {@link settle}: it is not reused while a batch may still refer to it. */
export class RowAllocator {
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #stride: number;
  readonly #link: number;
  #free = NO_ROW;
  #resting = NO_ROW;
  #lastResting = NO_ROW;
  #fresh = 0;
  #live = 0;

  /** Word `link` of a row without an owner is the allocator's. */
  constructor(words: Int32Array, stride: number, link: number, capacity: number) {
    this.#words = words;
    this.#stride = stride;
    this.#link = link;
    this.capacity = capacity;
  }

  /** Rows that have an owner. */
  get live(): number {
    return this.#live;
  }

  /** Whether {@link take} would succeed. */
  get hasRoom(): boolean {
    return this.#free !== NO_ROW || this.#fresh < this.capacity;
  }

  /** Every row that ever had an owner is below this. */
  get highWater(): number {
    return this.#fresh;
  }

  /** A row without an owner, its words as they were left; {@link NO_ROW} if there is none. O(1). */
  take(): number {
    let row = this.#free;
    if (row !== NO_ROW) this.#free = this.#words[row * this.#stride + this.#link]!;
    else if (this.#fresh < this.capacity) row = this.#fresh++;
    else return NO_ROW;
    this.#live++;
    return row;
  }

  /** Gives `row` back; it can be taken again after {@link settle}. */
  release(row: number): void {
    this.#words[row * this.#stride + this.#link] = this.#resting;
    if (this.#resting === NO_ROW) this.#lastResting = row;
    this.#resting = row;
    this.#live--;
  }

  /** Makes the rows released so far takeable; called when no batch is under way. O(1). */
  settle(): void {
    if (this.#resting === NO_ROW) return;
    this.#words[this.#lastResting * this.#stride + this.#link] = this.#free;
    this.#free = this.#resting;
    this.#resting = NO_ROW;
  }
}

/** Lists of rows, each row on at most one of them. Links and heads hold a row's number plus one, so that zero means none. */
export class RowLists {
  readonly #words: Int32Array;
  readonly #stride: number;
  readonly #next: number;
  readonly #prev: number;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;

  /** Words `next` and `prev` of a listed row are the lists'. */
  constructor(words: Int32Array, stride: number, next: number, prev: number, lists: number) {
    this.#words = words;
    this.#stride = stride;
    this.#next = next;
    this.#prev = prev;
    this.#heads = new Int32Array(lists);
    this.#tails = new Int32Array(lists);
  }

  /** The row that has been on `list` longest, or {@link NO_ROW}. */
  first(list: number): number {
    return this.#heads[list]! - 1;
  }

  /** The row behind `row`, or {@link NO_ROW}. */
  next(row: number): number {
    return this.#words[row * this.#stride + this.#next]! - 1;
  }

  /** Puts `row`, which is on no list, at the end of `list`. */
  append(list: number, row: number): void {
    const at = row * this.#stride;
    const tail = this.#tails[list]!;
    this.#words[at + this.#next] = 0;
    this.#words[at + this.#prev] = tail;
    if (tail === 0) this.#heads[list] = row + 1;
    else this.#words[(tail - 1) * this.#stride + this.#next] = row + 1;
    this.#tails[list] = row + 1;
  }

  /** Takes `row` off `list`, on which it is. */
  remove(list: number, row: number): void {
    const at = row * this.#stride;
    const next = this.#words[at + this.#next]!;
    const prev = this.#words[at + this.#prev]!;
    if (prev === 0) this.#heads[list] = next;
    else this.#words[(prev - 1) * this.#stride + this.#next] = next;
    if (next === 0) this.#tails[list] = prev;
    else this.#words[(next - 1) * this.#stride + this.#prev] = prev;
  }
}
