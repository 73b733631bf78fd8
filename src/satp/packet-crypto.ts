// The cryptography of one SATP datagram. Session keys are cut from the keystream of `key-derivation.ts` and live for that packet
// only; they are laid out in the library's scratch memory so that one call derives all of them:
//
//   0        cipher key (one block for 128 bits: at 16)        32  session salt, then payload IV        48  HMAC key (two blocks)
//
// Tags are the *last* octets of the HMAC, unlike HMAC truncation elsewhere, and are compared without regard to where they differ.

import type { Arena } from '../base/arena.ts';
import { invariant } from '../base/assert.ts';
import {
  type AesBits,
  type AssociationKeys,
  BAD_TAG,
  type CipherLibrary,
  type Role,
  type SatpCrypto,
} from './crypto.ts';
import { BLOCK, emitCounterBlock, Label, otherRole, SALT_WORDS, saltToIv, storeSalt } from './key-derivation.ts';

const IV = 32;
const AUTH_KEY = 48;
const KEYS_END = 80;
const HEADER = 8;
const DIGEST = 20;
const DIGEST_WORDS = 5;
const FREE = 0xff;

/** For tag length t at `t * 5`: which bits of the five words that end with the tag belong to it. */
const TAG_MASKS = new Int32Array((DIGEST + 1) * DIGEST_WORDS);
for (let t = 0; t <= DIGEST; t++) {
  for (let octet = DIGEST - t; octet < DIGEST; octet++) {
    TAG_MASKS[t * DIGEST_WORDS + (octet >>> 2)]! |= 0xff << (24 - 8 * (octet & 3));
  }
}

/** {@link SatpCrypto} over any {@link CipherLibrary}. */
export class PacketCrypto implements SatpCrypto {
  readonly #library: CipherLibrary;
  readonly #cipher: Uint16Array;
  readonly #kdf: Uint16Array;
  readonly #tagLength: Uint8Array;
  readonly #role: Uint8Array;
  readonly #salts: Uint32Array;
  /** The words that ended with the received tag. */
  readonly #received = new Int32Array(DIGEST_WORDS);

  constructor(library: CipherLibrary, capacity: number) {
    this.#library = library;
    this.#cipher = new Uint16Array(capacity);
    this.#kdf = new Uint16Array(capacity);
    this.#tagLength = new Uint8Array(capacity).fill(FREE);
    this.#role = new Uint8Array(capacity);
    this.#salts = new Uint32Array(capacity * SALT_WORDS);
  }

  install(row: number, keys: AssociationKeys): void {
    invariant(this.#tagLength[row] === FREE, 'keys are installed in a free row');
    if (keys.kdf !== 0) {
      invariant(keys.masterKey.length * 8 === keys.kdf, 'the master key is as long as the key derivation says');
      this.#library.setKey(row, keys.masterKey);
    }
    this.#cipher[row] = keys.cipher;
    this.#kdf[row] = keys.kdf;
    this.#tagLength[row] = keys.auth === 'null' ? 0 : keys.tagLength;
    this.#role[row] = keys.role;
    storeSalt(this.#salts, row, keys.masterSalt);
  }

  remove(row: number): void {
    this.#library.clearKey(row);
    this.#tagLength[row] = FREE;
    this.#salts.fill(0, row * SALT_WORDS, (row + 1) * SALT_WORDS);
  }

  open(arena: Arena, row: number, at: number, end: number): number {
    const view = arena.view;
    const sequence = view.getUint32(at);
    const tagLength = this.#tagLength[row]!;
    const cipher = this.#cipher[row] as AesBits;
    const tagAt = end - tagLength;
    this.#derive(row, otherRole(this.#role[row] as Role), sequence, cipher, tagLength);
    if (tagLength !== 0 && !this.#isAuthentic(arena, tagLength, at, tagAt)) return BAD_TAG;
    if (cipher !== 0 && tagAt > at + HEADER) this.#encipher(arena, cipher, sequence, at, tagAt);
    return tagAt;
  }

  seal(arena: Arena, row: number, at: number, end: number): number {
    const sequence = arena.view.getUint32(at);
    const tagLength = this.#tagLength[row]!;
    const cipher = this.#cipher[row] as AesBits;
    this.#derive(row, this.#role[row] as Role, sequence, cipher, tagLength);
    if (cipher !== 0 && end > at + HEADER) this.#encipher(arena, cipher, sequence, at, end);
    if (tagLength !== 0) this.#appendTag(arena, tagLength, at, end);
    return end + tagLength;
  }

  /** Lays out the session keys of the packet that a party of role `sender` sends with this sequence number. */
  #derive(row: number, sender: Role, sequence: number, cipher: AesBits, tagLength: number): void {
    const library = this.#library;
    const view = library.scratch.view;
    const end = tagLength === 0 ? AUTH_KEY : KEYS_END;
    if (this.#kdf[row] === 0) {
      library.scratch.bytes.fill(0, 0, KEYS_END);
      return;
    }
    const salts = this.#salts;
    const first = keyAt(cipher);
    if (cipher !== 0) {
      const label = Label.encryptionKey[sender];
      emitCounterBlock(view, first, salts, row, label, sequence, 0);
      if (cipher !== 128) emitCounterBlock(view, first + BLOCK, salts, row, label, sequence, 1);
      emitCounterBlock(view, IV, salts, row, Label.encryptionSalt[sender], sequence, 0);
    }
    if (tagLength !== 0) {
      emitCounterBlock(view, AUTH_KEY, salts, row, Label.authKey[sender], sequence, 0);
      emitCounterBlock(view, AUTH_KEY + BLOCK, salts, row, Label.authKey[sender], sequence, 1);
    }
    if (first !== end) library.encipherBlocks(row, first, end - first);
  }

  #encipher(arena: Arena, cipher: AesBits, sequence: number, at: number, end: number): void {
    const view = arena.view;
    saltToIv(this.#library.scratch.view, IV, sequence, view.getUint16(at + 4), view.getUint16(at + 6));
    this.#library.encipherStream(cipher, keyAt(cipher), IV, arena, at + HEADER, end);
  }

  /** The library's HMAC overwrites what stands behind `tagAt`, so the tag is read before and put back after. */
  #isAuthentic(arena: Arena, tagLength: number, at: number, tagAt: number): boolean {
    const view = arena.view;
    const words = tagAt + tagLength - DIGEST;
    const received = this.#received;
    for (let k = 0; k < DIGEST_WORDS; k++) received[k] = view.getInt32(words + 4 * k);
    this.#library.hmacSha1(AUTH_KEY, arena, at, tagAt);
    const digest = this.#library.digest;
    let difference = 0;
    for (let k = 0; k < DIGEST_WORDS; k++) {
      const word = received[k]!;
      view.setInt32(words + 4 * k, word);
      difference |= (word ^ digest[k]!) & TAG_MASKS[tagLength * DIGEST_WORDS + k]!;
    }
    return difference === 0;
  }

  #appendTag(arena: Arena, tagLength: number, at: number, end: number): void {
    const view = arena.view;
    this.#library.hmacSha1(AUTH_KEY, arena, at, end);
    const digest = this.#library.digest;
    const words = end + tagLength - DIGEST;
    for (let k = 0; k < DIGEST_WORDS; k++) {
      const mask = TAG_MASKS[tagLength * DIGEST_WORDS + k]!;
      view.setInt32(words + 4 * k, (view.getInt32(words + 4 * k) & ~mask) | (digest[k]! & mask));
    }
  }
}

/** Where the cipher key stands; without a cipher, where the keys that are derived begin. */
const keyAt = (cipher: AesBits): number => (cipher === 0 ? AUTH_KEY : cipher === 128 ? IV - BLOCK : IV - 2 * BLOCK);
