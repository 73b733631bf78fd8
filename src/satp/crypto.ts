// Who does the cryptography of SATP. The stages say which datagram and whose keys (`SatpCrypto`); `packet-crypto.ts` derives the
// session keys of that one packet, then verifies and deciphers, or enciphers and tags, in place; and for that it needs AES and
// HMAC-SHA1 of a library (`CipherLibrary`), which `io` provides. Nothing here allocates or throws once keys are installed.

import type { Arena } from '../base/arena.ts';

/** Which end of an association somebody is; the two ends always have opposite roles. */
export const Role = { left: 0, right: 1 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** Key bits of AES in counter mode; 0 is the null cipher, or the null key derivation. */
export type AesBits = 0 | 128 | 192 | 256;

/** The static secrets of one association and how they are used. */
export interface AssociationKeys {
  readonly cipher: AesBits;
  readonly kdf: AesBits;
  readonly auth: 'sha1' | 'null';
  /** Octets of the auth tag, 0 to 20; 0 if `auth` is null. */
  readonly tagLength: number;
  /** Our own role: we seal with its labels and open with the other's. */
  readonly role: Role;
  /** `kdf / 8` octets; empty if the key derivation is null. */
  readonly masterKey: Uint8Array;
  /** 14 octets. */
  readonly masterSalt: Uint8Array;
}

/** What {@link SatpCrypto.open} returns for a datagram whose tag does not verify. */
export const BAD_TAG = -1;

/** Octets before a datagram that {@link SatpCrypto} uses as scratch space. */
export const SCRATCH_BEFORE = 64;
/** Octets behind a datagram's enciphered part, where the auth tag stands, that {@link SatpCrypto} uses as scratch space. */
export const SCRATCH_BEHIND = 72;

/** Opens and seals single datagrams; rows are association rows. */
export interface SatpCrypto {
  /** Copies `keys` in; `row` must be free. */
  install(row: number, keys: AssociationKeys): void;
  /** Forgets and overwrites the keys of `row`. */
  remove(row: number): void;
  /**
   * Verifies the datagram at `[at, end)` with the sequence number, sender id and mux of its header and deciphers it in place.
   * Returns the offset behind the payload (`end` less the tag, which stays readable), or {@link BAD_TAG} with the datagram
   * untouched. The caller has checked that it is at least header and tag long.
   */
  open(arena: Arena, row: number, at: number, end: number): number;
  /**
   * Enciphers, in place, the payload type and payload behind the complete header at `at`, appends the tag at `end`, and returns the
   * offset behind it.
   */
  seal(arena: Arena, row: number, at: number, end: number): number;
}

/** AES and HMAC-SHA1 over memory that is named by offsets. */
export interface CipherLibrary {
  /** 128 octets in which counter blocks, keys and initialisation vectors are handed over. */
  readonly scratch: Arena;
  /** The five words of the last {@link hmacSha1}, as numbers. */
  readonly digest: Uint32Array;
  /** Expands an AES key of 16, 24 or 32 octets for {@link encipherBlocks}; `row` must be free. */
  setKey(row: number, key: Uint8Array): void;
  /** Forgets and overwrites the key of `row`, if it has one, and whatever the last packet left behind. */
  clearKey(row: number): void;
  /** Enciphers whole 16-octet blocks of {@link scratch} in place with the key of `row` (AES in ECB mode). */
  encipherBlocks(row: number, at: number, length: number): void;
  /** XORs `[at, end)` of `arena` with the AES-CTR keystream of the key and initialisation vector that stand in {@link scratch}. */
  encipherStream(bits: AesBits, keyAt: number, ivAt: number, arena: Arena, at: number, end: number): void;
  /**
   * HMAC-SHA1 of `[at, end)` of `arena` under the 20-octet key at `keyAt` of {@link scratch}. The {@link SCRATCH_BEFORE} octets before
   * `at` and the {@link SCRATCH_BEHIND} behind `end` are overwritten.
   */
  hmacSha1(keyAt: number, arena: Arena, at: number, end: number): void;
}
