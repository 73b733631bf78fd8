// The record of SATP sender ids that were ever used with the present keys. The keystream is a function of key, sender id, mux and
// sequence number, and every start counts from 0: so each start, and each number line that nears its end, takes a fresh sender id, and
// the record of it is on the disk before the id is known to anybody. When in doubt this refuses to give one out.

import { createHash } from 'node:crypto';
import { GatewayError } from '../base/errors.ts';
import { below, type Random } from '../base/random.ts';
import type { StateDir } from './state-dir.ts';

/** Name of the record within the state directory. */
export const SENDER_ID_FILE = 'sender-ids';
const TITLE = 'anygate sender ids 1';

/** Which sender ids this node may use, both ends included: uint16. */
export interface SenderIdRange {
  readonly low: number;
  readonly high: number;
}

/** Gives out sender ids, each once, ever. */
export class SenderIds {
  readonly #directory: StateDir;
  readonly #range: SenderIdRange;
  readonly #random: Random;
  readonly #used: Set<number>;
  #last: number | undefined;

  /** Reads the record. Ids of a former, other range stay used. @throws {GatewayError} ERR_STATE_DIR */
  constructor(directory: StateDir, range: SenderIdRange, random: Random) {
    this.#directory = directory;
    this.#range = range;
    this.#random = random;
    const record = parse(directory);
    this.#used = record.used;
    this.#last = record.last;
  }

  /** How many ids of the range are left. */
  get remaining(): number {
    let n = 0;
    for (let id = this.#range.low; id <= this.#range.high; id++) if (!this.#used.has(id)) n++;
    return n;
  }

  /** Takes the next id that was never used. @throws {GatewayError} ERR_SENDER_IDS_EXHAUSTED, ERR_STATE_DIR */
  lease(): number {
    const { low, high } = this.#range;
    const size = high - low + 1;
    const isContinued = this.#last !== undefined && this.#last >= low && this.#last <= high;
    // Without a record the first id is random: should a state directory be lost, the ids before are then unlikely to come again soon.
    const start = isContinued ? this.#last! - low + 1 : below(this.#random, size);
    for (let n = 0; n < size; n++) {
      const id = low + ((start + n) % size);
      if (this.#used.has(id)) continue;
      this.#directory.write(SENDER_ID_FILE, format({ used: new Set(this.#used).add(id), last: id }));
      this.#used.add(id);
      this.#last = id;
      return id;
    }
    throw new GatewayError(
      'ERR_SENDER_IDS_EXHAUSTED',
      `all sender ids from ${low} to ${high} were used with the present keys; widen node.senderIds, or give every client a new key and then remove ${this.#directory.path}/${SENDER_ID_FILE}`,
    );
  }
}

interface Record {
  readonly used: Set<number>;
  readonly last: number | undefined;
}

/** Three lines: what this is with the last id, the used ids as ranges, and a checksum of both. */
const format = ({ used, last }: Record): string => {
  const ids = [...used].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let i = 0; i < ids.length; ) {
    let n = 1;
    while (ids[i + n] === ids[i]! + n) n++;
    ranges.push(`${ids[i]}-${ids[i]! + n - 1}`);
    i += n;
  }
  const body = `${TITLE}, last ${last}\n${ranges.join(' ')}\n`;
  return `${body}${checksum(body)}\n`;
};

const checksum = (body: string): string => createHash('sha256').update(body).digest('hex');

const parse = (directory: StateDir): Record => {
  const content = directory.read(SENDER_ID_FILE)?.toString('latin1');
  const used = new Set<number>();
  if (content === undefined) return { used, last: undefined };
  const [title = '', ranges = '', sum] = content.split('\n');
  const last = title.startsWith(`${TITLE}, last `) ? Number(title.slice(TITLE.length + 7)) : Number.NaN;
  if (sum !== checksum(`${title}\n${ranges}\n`) || Number.isNaN(last)) {
    throw new GatewayError(
      'ERR_STATE_DIR',
      `${directory.path}/${SENDER_ID_FILE} is damaged, so nobody knows which sender ids were used; restore it, or give every client a new key and then remove it`,
    );
  }
  for (const range of ranges.split(' ')) {
    const [low, high] = range.split('-').map(Number) as [number, number];
    for (let id = low; id <= high; id++) used.add(id);
  }
  return { used, last };
};
