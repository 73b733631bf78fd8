// What the SATP core asks of a cryptographic library. The core says which datagram and whose keys; the library derives the session
// keys of that one packet, then verifies and deciphers, or enciphers and tags, in place (SATP derives new keys for every packet).

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

/** Opens and seals single datagrams; rows are association rows. Nothing here allocates or throws once keys are installed. */
export interface SatpCrypto {
  /** Copies `keys` in; `row` must be free. */
  install(row: number, keys: AssociationKeys): void;
  /** Forgets and overwrites the keys of `row`. */
  remove(row: number): void;
  /**
   * Verifies the datagram at `[at, end)` with the sequence number, sender id and mux of its header and deciphers it in place.
   * Returns the offset behind the payload (`end` less the tag), or {@link BAD_TAG} with the datagram untouched. The caller has
   * checked that it is at least header and tag long; the 64 octets before `at` are scratch space.
   */
  open(arena: Arena, row: number, at: number, end: number): number;
  /**
   * Enciphers, in place, the payload type and payload behind the complete header at `at`, appends the tag at `end`, and returns the
   * offset behind it. The 64 octets before `at` and the 20 behind `end` are scratch space.
   */
  seal(arena: Arena, row: number, at: number, end: number): number;
}
