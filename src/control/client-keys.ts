// From what a client's entry says to its master key and salt. Key and salt are looked for each on its own, and whichever is missing
// comes from the passphrase, as in the SATP daemons: the key is the end of its SHA-256, the salt the end of its SHA-1.

import { createHash } from 'node:crypto';
import type { AesBits } from '../satp/crypto.ts';
import { SALT_LENGTH } from '../satp/key-derivation.ts';
import { parseKeyFile } from './key-file.ts';
import type { KeyPath, Report } from './problem.ts';
import type { RawAes, RawClient } from './raw-config.ts';
import { Secret } from './secret.ts';
import { firstLine, readSecretFile } from './secret-file.ts';

/** Under this many octets a passphrase can be guessed by whoever captured one datagram; the daemons' manual says the same. */
const SHORT_PASSPHRASE = 30;

/** Master key and salt of a client. The key is empty if there is no key derivation. */
export interface ClientKeys {
  readonly masterKey: Secret;
  readonly masterSalt: Secret;
}

/** A value and the key of the file that it came from. */
interface Found<T> {
  readonly value: T;
  readonly path: KeyPath;
}

/** Key bits of an algorithm's name. */
export const bitsOf = (name: RawAes): AesBits => {
  if (name === 'null') return 0;
  if (name === 'aes-ctr-256') return 256;
  return name === 'aes-ctr-192' ? 192 : 128;
};

/** The master key of `bits` that the daemons derive from a passphrase. */
export const keyOfPassphrase = (passphrase: Uint8Array, bits: number): Uint8Array =>
  createHash('sha256')
    .update(passphrase)
    .digest()
    .subarray(-bits / 8);

/** The master salt that the daemons derive from a passphrase. */
export const saltOfPassphrase = (passphrase: Uint8Array): Uint8Array =>
  createHash('sha1').update(passphrase).digest().subarray(-SALT_LENGTH);

const fromFile = (name: string, path: KeyPath, configFile: string, report: Report): Buffer | undefined => {
  const file = readSecretFile(name, configFile);
  if (typeof file === 'string') {
    report.error(path, file);
    return undefined;
  }
  if (file.isWorldReadable) report.warn(path, 'every user of this host may read the file; chmod 600 it');
  return file.octets;
};

const findPassphrase = (
  raw: RawClient,
  at: KeyPath,
  configFile: string,
  report: Report,
): Found<Uint8Array> | undefined => {
  const path = [...at, raw.passphrase === undefined ? 'passphraseFile' : 'passphrase'];
  let value: Uint8Array | undefined;
  if (raw.passphrase !== undefined) {
    if (raw.passphraseFile !== undefined)
      report.error([...at, 'passphraseFile'], 'give either passphrase or passphraseFile, not both');
    value = Buffer.from(raw.passphrase);
  } else if (raw.passphraseFile !== undefined) {
    const octets = fromFile(raw.passphraseFile, path, configFile, report);
    value = octets && firstLine(octets);
  }
  if (value === undefined) return undefined;
  if (value.length === 0) report.error(path, 'the passphrase is empty');
  else if (value.includes(0)) report.error(path, 'the passphrase has a zero octet, which no daemon can be given');
  else if (value.length < SHORT_PASSPHRASE)
    report.warn(
      path,
      `the passphrase is shorter than ${SHORT_PASSPHRASE} characters, and who captured one datagram can try guesses at leisure; use a random key (anygate keygen)`,
    );
  return { value, path };
};

const findHex = (
  raw: RawClient,
  at: KeyPath,
  configFile: string,
  report: Report,
): { readonly key?: Found<string>; readonly salt?: Found<string> } => {
  const found: { key?: Found<string>; salt?: Found<string> } = {};
  for (const name of ['key', 'salt'] as const)
    if (raw[name] !== undefined) found[name] = { value: raw[name], path: [...at, name] };
  if (raw.keyFile === undefined) return found;
  const path = [...at, 'keyFile'];
  const octets = fromFile(raw.keyFile, path, configFile, report);
  if (octets === undefined) return found;
  const file = parseKeyFile(octets.toString('latin1'));
  if (typeof file === 'string') {
    report.error(path, file);
    return found;
  }
  for (const name of ['key', 'salt'] as const) {
    if (file[name] === undefined) continue;
    if (found[name] !== undefined)
      report.error(found[name].path, `the key file has a ${name} too; give one of the two`);
    else found[name] = { value: file[name], path };
  }
  return found;
};

const parseHex = (found: Found<string>, octets: number, what: string, report: Report): Uint8Array | undefined => {
  if (!/^[0-9a-f]*$/i.test(found.value)) {
    report.complain(found.path, `the ${what} has a character that is no hex digit`);
    return undefined;
  }
  if (found.value.length !== octets * 2) {
    report.complain(found.path, `the ${what} must have ${octets * 2} hex digits, but has ${found.value.length}`);
    return undefined;
  }
  return Buffer.from(found.value, 'hex');
};

const NO_KEY = 'has no key; add keyFile (anygate keygen --out FILE makes one), passphraseFile, or key and salt in hex';

/**
 * Finds the keys of the client at `at`, for a key derivation of `kdf` bits; `undefined` if there is an error, which is reported then.
 */
export const resolveKeys = (
  raw: RawClient,
  kdf: AesBits,
  at: KeyPath,
  configFile: string,
  report: Report,
): ClientKeys | undefined => {
  const passphrase = findPassphrase(raw, at, configFile, report);
  const hex = findHex(raw, at, configFile, report);
  if (kdf === 0) {
    for (const found of [passphrase, hex.key, hex.salt])
      if (found !== undefined) report.warn(found.path, 'is not used: without key derivation every key is zero');
    return { masterKey: new Secret(new Uint8Array(0)), masterSalt: new Secret(new Uint8Array(SALT_LENGTH)) };
  }
  const secretKeys = ['passphrase', 'passphraseFile', 'key', 'salt', 'keyFile'] as const;
  if (secretKeys.every((name) => raw[name] === undefined)) {
    report.complain(at, NO_KEY);
    return undefined;
  }
  if (secretKeys.some((name) => report.isBroken([...at, name]))) return undefined;
  if (passphrase !== undefined && hex.key !== undefined && hex.salt !== undefined)
    report.warn(passphrase.path, 'is not used, since key and salt are both given');
  const key = hex.key
    ? parseHex(hex.key, kdf / 8, `key for kdf aes-ctr-${kdf}`, report)
    : passphrase && keyOfPassphrase(passphrase.value, kdf);
  const salt = hex.salt
    ? parseHex(hex.salt, SALT_LENGTH, 'salt', report)
    : passphrase && saltOfPassphrase(passphrase.value);
  if (key === undefined && hex.key === undefined)
    report.error(hex.salt?.path ?? at, 'a salt alone is no key; add the key, or a passphrase to derive it from');
  if (salt === undefined && hex.salt === undefined)
    report.error(
      hex.key?.path ?? at,
      'a key needs a salt too; add salt (28 hex digits), or a passphrase to derive it from',
    );
  if (key === undefined || salt === undefined) return undefined;
  return { masterKey: new Secret(key), masterSalt: new Secret(salt) };
};
