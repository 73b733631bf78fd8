// The captured datagrams of test/golden/satp-vectors.json, with their keys as the project's own type.

import { readFileSync } from 'node:fs';
import { type AesBits, type AssociationKeys, Role } from '../../src/satp/crypto.ts';
import { fromPassphrase } from './naive.ts';

interface RawVector {
  readonly id: string;
  readonly device: 'tun' | 'tap';
  readonly cipher: string;
  readonly authAlgo: 'sha1' | 'null';
  readonly authTagLengthOption: number | null;
  readonly kdPrf: string;
  readonly senderRole: 'left' | 'right';
  readonly passphrase: string | null;
  readonly keyHex: string | null;
  readonly saltHex: string | null;
  readonly senderId: number;
  readonly mux: number;
  readonly seq: number;
  readonly payloadType: string;
  readonly innerHex: string;
  readonly wireHex: string;
  readonly quirkZeroKeys?: boolean;
}

/** A captured datagram and everything needed to make it again. */
export interface Vector {
  readonly id: string;
  readonly device: 'tun' | 'tap';
  readonly sender: 'left' | 'right';
  readonly senderId: number;
  readonly mux: number;
  readonly sequence: number;
  readonly payloadType: number;
  readonly inner: Buffer;
  readonly datagram: Buffer;
  /** As the daemon that sent it had them, but for the role. */
  readonly keysOf: (role: Role) => AssociationKeys;
}

const bits = (name: string): AesBits => {
  if (name === 'null') return 0;
  const digits = /\d+$/.exec(name)?.[0] ?? '128';
  return Number(digits) as AesBits;
};

const keysOf = (raw: RawVector): ((role: Role) => AssociationKeys) => {
  // Such a daemon never initialised its key derivation, which comes to the same as having none.
  const kdf = raw.quirkZeroKeys ? 0 : bits(raw.kdPrf);
  const derived = fromPassphrase(raw.passphrase ?? '', kdf === 0 ? 128 : kdf);
  const masterKey = raw.keyHex === null ? derived.key : Buffer.from(raw.keyHex, 'hex');
  const masterSalt = raw.saltHex === null ? derived.salt : Buffer.from(raw.saltHex, 'hex');
  const tagLength = raw.authAlgo === 'null' ? 0 : Math.min(20, raw.authTagLengthOption ?? 10);
  return (role) => ({ cipher: bits(raw.cipher), kdf, auth: raw.authAlgo, tagLength, role, masterKey, masterSalt });
};

const file = new URL('../golden/satp-vectors.json', import.meta.url);
const raws = (JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly RawVector[] }).vectors;

/** All of them. */
export const vectors: readonly Vector[] = raws.map((raw) => ({
  id: raw.id,
  device: raw.device,
  sender: raw.senderRole,
  senderId: raw.senderId,
  mux: raw.mux,
  sequence: raw.seq,
  payloadType: Number(raw.payloadType),
  inner: Buffer.from(raw.innerHex, 'hex'),
  datagram: Buffer.from(raw.wireHex, 'hex'),
  keysOf: keysOf(raw),
}));

/** The role of whoever sent `v`, and of whoever received it. */
export const senderRole = (v: Vector): Role => (v.sender === 'left' ? Role.left : Role.right);
export const receiverRole = (v: Vector): Role => (v.sender === 'left' ? Role.right : Role.left);
