// Keys of the benchmark's clients. They protect nothing: both ends run on this machine, and whoever can see the traffic can see this.

import { createHash } from 'node:crypto';
import { type AssociationKeys, Role } from '../../src/satp/crypto.ts';

/** Mux of the first client; the others follow. */
export const FIRST_MUX = 7;

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();

/** Master key and salt of a client. */
export const secretsOf = (mux: number): { readonly key: Uint8Array; readonly salt: Uint8Array } => ({
  key: digest(`benchmark key ${mux}`).subarray(0, 16),
  salt: digest(`benchmark salt ${mux}`).subarray(0, 14),
});

/** The client's end of its association: what every SATP daemon uses unless told otherwise. */
export const clientKeys = (mux: number): AssociationKeys => {
  const { key, salt } = secretsOf(mux);
  return {
    cipher: 128,
    kdf: 128,
    auth: 'sha1',
    tagLength: 10,
    role: Role.right,
    masterKey: key,
    masterSalt: salt,
  };
};
