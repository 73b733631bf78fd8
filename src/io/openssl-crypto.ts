// AES and HMAC-SHA1 by OpenSSL, five foreign calls a packet. Two things make that fast: key schedules of clients' master keys are
// kept, and SHA-1 runs over whole blocks only: start values, inner and outer pad, and the padding of the message are written from
// here, around the datagram, so that each of the two hashes is one call and the digest is read from where the hash state stands.
// That the state begins with its five words is proved at load by a known answer (RFC 2202 §3).

import { Arena } from '../base/arena.ts';
import { invariant } from '../base/assert.ts';
import { GatewayError } from '../base/errors.ts';
import type { AesBits, CipherLibrary } from '../satp/crypto.ts';
import { pin } from './native.ts';
import { type Libcrypto, loadLibcrypto } from './openssl.ts';

const SHA1_START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0] as const;
const HASH_BLOCK = 64;
const KEY_WORDS = 5;
const INNER_PAD = 0x36363636;
const OUTER_PAD = 0x5c5c5c5c;

const SCRATCH = 128;
/** Octets of OpenSSL's SHA_CTX, which stands at 0 of the hash arena. */
const SHA_CTX = 96;
/** The outer hash's two blocks: key, inner digest, padding. */
const OUTER = 128;
const OUTER_DIGEST = OUTER + HASH_BLOCK;
const OUTER_LENGTH = 2 * HASH_BLOCK;

const ROWS = 65_536;
const LONGEST_KEY = 32;
/** Key schedules kept, of 700 octets each: rows beyond share them, at 200 ns for every change of hands. A power of two. */
const SCHEDULES = 8192;
const NOBODY = -1;

/** OpenSSL objects by key bits. */
interface ByKeyBits {
  readonly 128: bigint;
  readonly 192: bigint;
  readonly 256: bigint;
}

/** OpenSSL as {@link CipherLibrary}. One object serves one thread. */
export class OpensslCrypto implements CipherLibrary {
  readonly scratch: Arena = new Arena(SCRATCH);
  readonly digest: Uint32Array;
  readonly #library: Libcrypto;
  readonly #hash = new Arena(OUTER + OUTER_LENGTH);
  readonly #hashState: bigint;
  readonly #outer: bigint;
  /** Where a key is handed to OpenSSL. */
  readonly #key = new Arena(LONGEST_KEY);
  readonly #keyAddress: bigint;
  /** Addresses of the scratch octets. */
  readonly #scratch: readonly bigint[];
  readonly #blockCiphers: ByKeyBits;
  readonly #streams: ByKeyBits;
  /** Keys by row, {@link LONGEST_KEY} octets each, and how long they are; 0 if the row has none. */
  readonly #keys: Uint8Array = new Uint8Array(ROWS * LONGEST_KEY);
  readonly #keyLengths: Uint8Array = new Uint8Array(ROWS);
  /** Key schedules, and the row whose key each holds. */
  readonly #schedules: bigint[] = [];
  readonly #holders: Int32Array = new Int32Array(SCHEDULES).fill(NOBODY);
  #addresses: AddressTable;

  /** @throws {GatewayError} ERR_LIBRARY */
  constructor(library: Libcrypto = loadLibcrypto()) {
    this.#library = library;
    pin(this.scratch);
    pin(this.#hash);
    pin(this.#key);
    this.#keyAddress = BigInt(this.#key.address);
    this.#scratch = Array.from({ length: SCRATCH }, (_, at) => BigInt(this.scratch.address + at));
    this.#hashState = BigInt(this.#hash.address);
    this.#outer = BigInt(this.#hash.address + OUTER);
    this.digest = new Uint32Array(this.#hash.bytes.buffer, 0, KEY_WORDS);
    this.#addresses = new AddressTable(this.scratch);
    this.#blockCiphers = { 128: this.#fetch(128, 'ECB'), 192: this.#fetch(192, 'ECB'), 256: this.#fetch(256, 'ECB') };
    this.#streams = { 128: this.#stream(128), 192: this.#stream(192), 256: this.#stream(256) };
    this.#layOutOuterHash();
    this.#checkHash();
  }

  setKey(row: number, key: Uint8Array): void {
    invariant(this.#keyLengths[row] === 0, 'a key is set in a free row');
    invariant(key.length === 16 || key.length === 24 || key.length === 32, 'an AES key has 16, 24 or 32 octets');
    const slot = row % SCHEDULES;
    while (this.#schedules.length <= slot) this.#schedules.push(this.#newContext());
    this.#keys.set(key, row * LONGEST_KEY);
    this.#keyLengths[row] = key.length;
  }

  clearKey(row: number): void {
    this.#keys.fill(0, row * LONGEST_KEY, (row + 1) * LONGEST_KEY);
    this.#keyLengths[row] = 0;
    const slot = row % SCHEDULES;
    if (this.#holders[slot] === row) {
      this.#library.EVP_CIPHER_CTX_reset(this.#schedules[slot]!);
      this.#holders[slot] = NOBODY;
    }
    this.scratch.bytes.fill(0);
    this.#layOutOuterHash();
  }

  encipherBlocks(row: number, at: number, length: number): void {
    const slot = row % SCHEDULES;
    if (this.#holders[slot] !== row) this.#takeSchedule(slot, row);
    const blocks = this.#scratch[at]!;
    const done = this.#library.EVP_Cipher(this.#schedules[slot]!, blocks, blocks, length);
    invariant(done > 0, 'OpenSSL enciphers whole blocks');
  }

  encipherStream(bits: AesBits, keyAt: number, ivAt: number, arena: Arena, at: number, end: number): void {
    const context = this.#streams[bits as 128 | 192 | 256];
    const library = this.#library;
    const scratch = this.#scratch;
    const keyed = library.EVP_CipherInit_ex(context, 0, 0, scratch[keyAt]!, scratch[ivAt]!, 1);
    const data = this.#addressOf(arena, at);
    const done = library.EVP_Cipher(context, data, data, end - at);
    invariant(keyed === 1 && done > 0, 'OpenSSL enciphers any number of octets');
  }

  hmacSha1(keyAt: number, arena: Arena, at: number, end: number): void {
    const key = this.scratch.view;
    const pkt = arena.view;
    const hash = this.#hash.view;
    const inner = at - HASH_BLOCK;
    for (let w = 0; w < HASH_BLOCK; w += 4) {
      const word = w < 4 * KEY_WORDS ? key.getInt32(keyAt + w) : 0;
      pkt.setInt32(inner + w, word ^ INNER_PAD);
      hash.setInt32(OUTER + w, word ^ OUTER_PAD);
    }
    this.#hashBlocks(this.#addressOf(arena, inner), padMessage(pkt, inner, end) - inner);
    const digest = this.digest;
    for (let k = 0; k < KEY_WORDS; k++) hash.setUint32(OUTER_DIGEST + 4 * k, digest[k]!);
    this.#hashBlocks(this.#outer, OUTER_LENGTH);
  }

  #takeSchedule(slot: number, row: number): void {
    const length = this.#keyLengths[row]!;
    const cipher = this.#blockCiphers[(length * 8) as keyof ByKeyBits];
    const { bytes } = this.#key;
    for (let k = 0; k < length; k++) bytes[k] = this.#keys[row * LONGEST_KEY + k]!;
    const done = this.#library.EVP_CipherInit_ex(this.#schedules[slot]!, cipher, 0, this.#keyAddress, null, 1);
    for (let k = 0; k < length; k++) bytes[k] = 0;
    invariant(done === 1, 'AES takes a key of its length');
    this.#holders[slot] = row;
  }

  /** Hashes whole blocks from SHA-1's start values on; the state, and so the digest, is in {@link digest}. */
  #hashBlocks(address: bigint, length: number): void {
    for (let k = 0; k < KEY_WORDS; k++) this.digest[k] = SHA1_START[k]!;
    this.#library.SHA1_Update(this.#hashState, address, length);
  }

  #addressOf(arena: Arena, at: number): bigint {
    if (this.#addresses.arena !== arena) this.#addresses = AddressTable.of(arena);
    return this.#addresses.at(at);
  }

  #layOutOuterHash(): void {
    this.#hash.bytes.fill(0);
    padMessage(this.#hash.view, OUTER, OUTER_DIGEST + 4 * KEY_WORDS);
  }

  #fetch(bits: number, mode: string): bigint {
    const cipher = BigInt(this.#library.EVP_CIPHER_fetch(0, `AES-${bits}-${mode}`, null));
    if (cipher === 0n) {
      throw new GatewayError(
        'ERR_LIBRARY',
        `OpenSSL (${this.#library.origin}) offers no AES-${bits}-${mode}; enable its default provider`,
      );
    }
    return cipher;
  }

  #newContext(): bigint {
    const context = BigInt(this.#library.EVP_CIPHER_CTX_new());
    if (context === 0n) throw new GatewayError('ERR_LIBRARY', 'OpenSSL is out of memory; give the gateway more');
    return context;
  }

  #stream(bits: number): bigint {
    const context = this.#newContext();
    const start = this.#scratch[0]!;
    const done = this.#library.EVP_CipherInit_ex(context, this.#fetch(bits, 'CTR'), 0, start, start, 1);
    invariant(done === 1, 'AES takes a key of its length');
    return context;
  }

  /** RFC 2202 §3 test case 1. */
  #checkHash(): void {
    const probe = new Arena(256);
    pin(probe);
    this.#library.SHA1_Init(this.#hashState);
    const starts = SHA1_START.every((word, k) => this.digest[k] === word);
    const rest = this.#hash.bytes.subarray(4 * KEY_WORDS, SHA_CTX).every((octet) => octet === 0);
    this.scratch.bytes.fill(0x0b, 0, 20);
    const at = probe.bytes.length / 2;
    new TextEncoder().encodeInto('Hi There', probe.bytes.subarray(at));
    this.hmacSha1(0, probe, at, at + 8);
    const words = Array.from(this.digest, (word) => word.toString(16).padStart(8, '0')).join('');
    if (!starts || !rest || words !== 'b617318655057264e28bc0b6fb378c8ef146be00') {
      throw new GatewayError(
        'ERR_LIBRARY',
        `SHA-1 of OpenSSL (${this.#library.origin}) keeps its state in another form; use OpenSSL 3`,
      );
    }
    this.scratch.bytes.fill(0);
  }
}

/** Writes SHA-1's padding behind the message `[from, end)`, and returns the offset behind it (RFC 3174 §4). */
const padMessage = (view: DataView, from: number, end: number): number => {
  const blocks = ((end - from + 8) >>> 6) + 1;
  const padded = from + blocks * HASH_BLOCK;
  view.setUint8(end, 0x80);
  // Up to three zeros run into the length, which is written last.
  for (let p = end + 1; p < padded - 8; p += 4) view.setInt32(p, 0);
  view.setInt32(padded - 8, 0);
  view.setInt32(padded - 4, (end - from) * 8);
  return padded;
};

/** The addresses of one arena's octets, boxed once each. */
class AddressTable {
  static readonly #tables = new WeakMap<Arena, AddressTable>();
  readonly arena: Arena;
  readonly #boxed: (bigint | undefined)[];

  constructor(arena: Arena) {
    this.arena = arena;
    this.#boxed = new Array(arena.bytes.length).fill(undefined);
  }

  static of(arena: Arena): AddressTable {
    let table = AddressTable.#tables.get(arena);
    if (table === undefined) {
      pin(arena);
      table = new AddressTable(arena);
      AddressTable.#tables.set(arena, table);
    }
    return table;
  }

  at(offset: number): bigint {
    const boxed = this.#boxed[offset];
    if (boxed !== undefined) return boxed;
    const fresh = BigInt(this.arena.address + offset);
    this.#boxed[offset] = fresh;
    return fresh;
  }
}
