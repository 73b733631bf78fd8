// SATP once more, from its description alone: no batch, no scratch memory, no shared helper, a Buffer for everything. Slow, and so
// plain that it can be checked by eye. The real implementation has to agree with it octet for octet.

import { createCipheriv, createHash, createHmac } from 'node:crypto';
import type { Arena } from '../../src/base/arena.ts';
import { type AssociationKeys, BAD_TAG, Role, type SatpCrypto } from '../../src/satp/crypto.ts';

const LABELS = {
  left: { key: '356a192b', salt: '77de68da', auth: 'ac3478d6' },
  right: { key: 'da4b9237', salt: '1b645389', auth: 'c1dfd96e' },
};

/** What both ends know, and which of them sends. */
export interface Sending {
  readonly keys: AssociationKeys;
  readonly sender: 'left' | 'right';
}

const derive = (
  { masterKey, masterSalt, kdf }: AssociationKeys,
  label: string,
  sequence: number,
  length: number,
): Buffer => {
  if (kdf === 0) return Buffer.alloc(length);
  const counter = Buffer.alloc(16);
  Buffer.from(masterSalt).copy(counter);
  const mask = Buffer.alloc(16);
  mask.write(label, 6, 'hex');
  mask.writeUInt32BE(sequence, 10);
  for (let k = 0; k < 16; k++) counter[k]! ^= mask[k]!;
  return createCipheriv(`aes-${kdf}-ctr`, masterKey, counter).update(Buffer.alloc(length));
};

const crypt = ({ keys, sender }: Sending, header: Buffer, text: Buffer): Buffer => {
  if (keys.cipher === 0) return text;
  const sequence = header.readUInt32BE(0);
  const key = derive(keys, LABELS[sender].key, sequence, keys.cipher / 8);
  const iv = Buffer.concat([derive(keys, LABELS[sender].salt, sequence, 14), Buffer.alloc(2)]);
  iv.writeUInt16BE(iv.readUInt16BE(4) ^ header.readUInt16BE(6), 4);
  iv.writeUInt16BE(iv.readUInt16BE(6) ^ header.readUInt16BE(4), 6);
  iv.writeUInt32BE((iv.readUInt32BE(10) ^ sequence) >>> 0, 10);
  return createCipheriv(`aes-${keys.cipher}-ctr`, key, iv).update(text);
};

const tagLength = (keys: AssociationKeys): number => (keys.auth === 'null' ? 0 : keys.tagLength);

const tagOf = ({ keys, sender }: Sending, covered: Buffer): Buffer => {
  const key = derive(keys, LABELS[sender].auth, covered.readUInt32BE(0), 20);
  const digest = createHmac('sha1', key).update(covered).digest();
  return digest.subarray(20 - tagLength(keys));
};

/** The datagram with this header and enciphered part. */
export const seal = (sending: Sending, header: Buffer, plaintext: Buffer): Buffer => {
  const covered = Buffer.concat([header, crypt(sending, header, plaintext)]);
  return Buffer.concat([covered, tagOf(sending, covered)]);
};

/** The payload type and payload of a datagram, or undefined if its tag is wrong. */
export const open = (sending: Sending, datagram: Buffer): Buffer | undefined => {
  const covered = datagram.subarray(0, datagram.length - tagLength(sending.keys));
  if (!tagOf(sending, covered).equals(datagram.subarray(covered.length))) return undefined;
  return crypt(sending, covered.subarray(0, 8), covered.subarray(8));
};

/** Eight octets of header. */
export const header = (sequence: number, senderId: number, mux: number): Buffer => {
  const octets = Buffer.alloc(8);
  octets.writeUInt32BE(sequence, 0);
  octets.writeUInt16BE(senderId, 4);
  octets.writeUInt16BE(mux, 6);
  return octets;
};

/** The daemons' master key and salt of a passphrase. */
export const fromPassphrase = (passphrase: string, bits: number): { key: Buffer; salt: Buffer } => ({
  key: createHash('sha256')
    .update(passphrase, 'utf8')
    .digest()
    .subarray(32 - bits / 8),
  salt: createHash('sha1').update(passphrase, 'utf8').digest().subarray(6),
});

/** This twin behind the interface that the stages use, for tests that want no foreign library. */
export class NaiveCrypto implements SatpCrypto {
  readonly installed: Map<number, AssociationKeys> = new Map();
  /** Datagrams that were opened or tried. */
  opened = 0;

  install(row: number, keys: AssociationKeys): void {
    this.installed.set(row, keys);
  }

  remove(row: number): void {
    this.installed.delete(row);
  }

  open(arena: Arena, row: number, at: number, end: number): number {
    this.opened++;
    const keys = this.installed.get(row)!;
    const datagram = Buffer.from(arena.bytes.subarray(at, end));
    const text = open({ keys, sender: keys.role === Role.left ? 'right' : 'left' }, datagram);
    if (text === undefined) return BAD_TAG;
    arena.bytes.set(text, at + 8);
    return at + 8 + text.length;
  }

  seal(arena: Arena, row: number, at: number, end: number): number {
    const keys = this.installed.get(row)!;
    const plain = Buffer.from(arena.bytes.subarray(at, end));
    const sender = keys.role === Role.left ? 'left' : 'right';
    const datagram = seal({ keys, sender }, plain.subarray(0, 8), plain.subarray(8));
    arena.bytes.set(datagram, at);
    return at + datagram.length;
  }
}
