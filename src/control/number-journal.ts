// What clients have numbered their datagrams with, on disk: without it, a gateway that has restarted would take any recorded datagram
// for a client's first, deliver it and follow it. Numbers are saved every few seconds, and the far larger memory of auth tags, which
// only clients that restart bring into play, at the end.

import { GatewayError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { StateDir } from '../io/state-dir.ts';
import { createLineStore, LINES, type LineStore } from '../satp/line-store.ts';
import { TAG_BUCKETS } from '../satp/satp.ts';

const LINES_FILE = 'number-lines.json';
const TAGS_FILE = 'auth-tags';
const VERSION = 1;
/** Words that are saved together, if one of them is not zero. */
const PAGE = 1024;

/** One line: row, identity of the keys, sender id, highest number, and below which number it is contested. */
type SavedLine = readonly [row: number, identity: number, senderId: number, highest: number, contestedBelow: number];

const isWhole = (value: unknown, below: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < below;

const isSavedLine = (value: unknown, rows: number): value is SavedLine =>
  Array.isArray(value) &&
  value.length === 5 &&
  isWhole(value[0], rows) &&
  isWhole(value[1], 2 ** 48) &&
  isWhole(value[2], 2 ** 16) &&
  isWhole(value[3], 2 ** 32) &&
  isWhole(value[4], 2 ** 32 + 1);

/** The numbers of all clients, shared with the shard that advances them. */
export class NumberJournal {
  readonly store: LineStore;
  readonly #state: StateDir;
  readonly #rows: number;
  #saved = '';

  /** Reads what an earlier run saved. @throws {GatewayError} ERR_STATE_DIR */
  constructor(state: StateDir, rows: number, random: Random) {
    this.#state = state;
    this.#rows = rows;
    this.store = createLineStore(rows, TAG_BUCKETS, random);
    this.#loadLines();
    this.#loadTags();
  }

  /** Saves the numbers, if any has changed since the last time. @throws {GatewayError} ERR_STATE_DIR */
  save(): void {
    const lines: SavedLine[] = [];
    const { senderIds, highest, contestedBelow, identities } = this.store;
    for (let row = 0; row < this.#rows; row++) {
      if (identities[row] === 0) continue;
      for (let line = row; line < LINES * this.#rows; line += this.#rows) {
        if (senderIds[line] === 0) continue;
        // In this order: a line that starts over is contested before its highest number falls.
        const number = highest[line]!;
        lines.push([row, identities[row]!, senderIds[line]! - 1, number, contestedBelow[line]!]);
      }
    }
    const text = `${JSON.stringify({ version: VERSION, lines })}\n`;
    if (text === this.#saved) return;
    this.#state.write(LINES_FILE, text);
    this.#saved = text;
  }

  /** Saves everything; for when the shard has ended. @throws {GatewayError} ERR_STATE_DIR */
  saveAll(): void {
    this.save();
    const { tags, tagKey } = this.store;
    const words: number[] = [VERSION, tags.length, tagKey[0]!];
    for (let page = 0; page < tags.length; page += PAGE) {
      const content = tags.subarray(page, page + PAGE);
      if (content.some((word) => word !== 0)) words.push(page, ...content);
    }
    this.#state.write(TAGS_FILE, new Uint8Array(Int32Array.from(words).buffer));
  }

  #loadLines(): void {
    const file = this.#state.read(LINES_FILE);
    if (file === undefined) return;
    const { identities, senderIds, highest, contestedBelow } = this.store;
    for (const [row, identity, senderId, number, below] of this.#parseLines(file.toString('utf8'))) {
      let line = row;
      while (line < LINES * this.#rows && senderIds[line] !== 0) line += this.#rows;
      if (line >= LINES * this.#rows) throw this.#damaged(LINES_FILE);
      identities[row] = identity;
      senderIds[line] = senderId + 1;
      highest[line] = number;
      contestedBelow[line] = below;
    }
  }

  #parseLines(text: string): readonly SavedLine[] {
    let content: { version?: unknown; lines?: unknown } | null;
    try {
      content = JSON.parse(text) as typeof content;
    } catch {
      throw this.#damaged(LINES_FILE);
    }
    const lines = content?.lines;
    if (content?.version !== VERSION || !Array.isArray(lines)) throw this.#damaged(LINES_FILE);
    if (!lines.every((line): line is SavedLine => isSavedLine(line, this.#rows))) throw this.#damaged(LINES_FILE);
    return lines;
  }

  #loadTags(): void {
    const file = this.#state.read(TAGS_FILE);
    if (file === undefined) return;
    const { tags, tagKey } = this.store;
    if (file.length % 4 !== 0) throw this.#damaged(TAGS_FILE);
    const words = new Int32Array(Uint8Array.from(file).buffer);
    const isOurs = words[0] === VERSION && words[1] === tags.length && (words.length - 3) % (PAGE + 1) === 0;
    if (!isOurs) throw this.#damaged(TAGS_FILE);
    tagKey[0] = words[2]!;
    for (let at = 3; at < words.length; at += PAGE + 1) {
      const page = words[at]!;
      if (!isWhole(page, tags.length) || page % PAGE !== 0) throw this.#damaged(TAGS_FILE);
      tags.set(words.subarray(at + 1, at + 1 + PAGE), page);
    }
  }

  #damaged(file: string): GatewayError {
    return new GatewayError(
      'ERR_STATE_DIR',
      `${this.#state.path}/${file} is damaged; remove it, and know that datagrams recorded before now can then be replayed once`,
    );
  }
}
