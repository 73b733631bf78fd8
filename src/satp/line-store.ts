// What must be remembered of every client so that a datagram that was accepted is never accepted again, in one block for all: the
// highest numbers and the auth tags. It can be shared between threads and saved, because it has to outlive the shard that writes it,
// and the process; a gateway that began with nothing would take any recorded datagram for a client's first.

import type { Random } from '../base/random.ts';

/** Sender ids that are remembered of one client. */
export const LINES = 4;
/** Tags kept for one number: how many restarts back a replay is recognised. */
export const TAGS = 4;

/** The memory of number lines; line `k` of a row is `k * capacity + row`. One thread writes. */
export interface LineStore {
  /** By row: what tells its keys from others, see `AssociationSpec.identity`; 0 if nothing is remembered. */
  readonly identities: Float64Array;
  /** By line: sender id plus 1; 0 marks a line not in use. */
  readonly senderIds: Uint32Array;
  /** By line: the highest number accepted. */
  readonly highest: Uint32Array;
  /** By line: it is contested as long as its highest number is below this. */
  readonly contestedBelow: Float64Array;
  /** {@link TAGS} words a bucket, in two regions; see `tag-memory.ts`. */
  readonly tags: Int32Array;
  /** One word: the secret by which buckets are found. */
  readonly tagKey: Int32Array;
}

/** A store in memory that threads can share; what no line has used is never touched. `tagBuckets` is a power of two. */
export const createLineStore = (capacity: number, tagBuckets: number, random: Random): LineStore => {
  const shared = (octets: number): SharedArrayBuffer => new SharedArrayBuffer(octets);
  const lines = LINES * capacity;
  const store: LineStore = {
    identities: new Float64Array(shared(8 * capacity)),
    senderIds: new Uint32Array(shared(4 * lines)),
    highest: new Uint32Array(shared(4 * lines)),
    contestedBelow: new Float64Array(shared(8 * lines)),
    tags: new Int32Array(shared(4 * 2 * tagBuckets * TAGS)),
    tagKey: new Int32Array(shared(4)),
  };
  // Secret, so that a client cannot choose whose tags it washes out.
  store.tagKey[0] = random.uint32();
  return store;
};
