// The key derivation of SATP as pure byte functions: every packet has session keys of its own, cut from the AES keystream that
// starts at a counter block made of the master salt, a label and the packet's sequence number. Mux and sender id enter only the
// initialisation vector of the payload. A cryptographic library enciphers the blocks; what stands in them is decided here.
//
//   counter block    salt(14) XOR (00 x6 || label(4) || sequence number(4))  ||  block number(2)
//   payload's IV     session salt(14) XOR (00 x4 || mux(2) || sender id(2) || 00 x2 || sequence number(4))  ||  00 00

import { Role } from './crypto.ts';

/** Labels by the role of the packet's sender: the first four octets of SHA-1 of a digit, 1 to 6. */
export const Label = {
  encryptionKey: [0x356a192b, 0xda4b9237],
  encryptionSalt: [0x77de68da, 0x1b645389],
  authKey: [0xac3478d6, 0xc1dfd96e],
} as const;

/** Octets of a counter block and of an initialisation vector. */
export const BLOCK = 16;
/** Octets of a master salt and of a session salt. */
export const SALT_LENGTH = 14;
/** Octets of a session's HMAC key. */
export const AUTH_KEY_LENGTH = 20;
/** Words that {@link storeSalt} takes. */
export const SALT_WORDS = 4;

/** The other end's role. */
export const otherRole = (role: Role): Role => (role === Role.left ? Role.right : Role.left);

/** Stores a master salt as {@link SALT_WORDS} big-endian words at `row`, as {@link emitCounterBlock} reads it. */
export const storeSalt = (salts: Uint32Array, row: number, masterSalt: Uint8Array): void => {
  for (let w = 0; w < SALT_WORDS; w++) {
    let word = 0;
    for (let k = 0; k < 4; k++) word = word * 256 + (masterSalt[w * 4 + k] ?? 0);
    salts[row * SALT_WORDS + w] = word;
  }
};

/** Writes the counter block number `block` of the key named by `label` for the packet with this sequence number. */
export const emitCounterBlock = (
  view: DataView,
  at: number,
  salts: Uint32Array,
  row: number,
  label: number,
  sequence: number,
  block: number,
): void => {
  const s = row * SALT_WORDS;
  view.setInt32(at, salts[s]!);
  view.setInt32(at + 4, salts[s + 1]! ^ (label >>> 16));
  view.setInt32(at + 8, salts[s + 2]! ^ ((label << 16) | (sequence >>> 16)));
  view.setInt32(at + 12, salts[s + 3]! ^ ((sequence << 16) | block));
};

/** Turns the block at `at`, whose first 14 octets are the session salt, into the payload's initialisation vector. */
export const saltToIv = (view: DataView, at: number, sequence: number, senderId: number, mux: number): void => {
  view.setInt32(at + 4, view.getInt32(at + 4) ^ ((mux << 16) | senderId));
  view.setInt32(at + 8, view.getInt32(at + 8) ^ (sequence >>> 16));
  view.setInt32(at + 12, (view.getInt32(at + 12) ^ (sequence << 16)) & 0xffff0000);
};
