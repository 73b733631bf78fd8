// `anygate keygen`: a fresh master key and salt, or a passphrase, from the system's random numbers. Printing them is its purpose, so
// this is the one place where a secret reaches standard output.

import { randomBytes } from 'node:crypto';
import { Command, Option } from 'commander';
import { formatKeyFile } from '../control/key-file.ts';
import { SALT_LENGTH } from '../satp/key-derivation.ts';
import { writePrivateFile } from './private-file.ts';

/** Key derivations that have keys, with the octets of a key. */
export const KDF_KEY_OCTETS = { 'aes-ctr-128': 16, 'aes-ctr-192': 24, 'aes-ctr-256': 32 } as const;
/** Name of a key derivation that has keys. */
export type KdfName = keyof typeof KDF_KEY_OCTETS;

/** The option that chooses one. */
export const kdfOption = (): Option =>
  new Option('--kdf <name>', 'the key derivation that the key is for')
    .choices(Object.keys(KDF_KEY_OCTETS))
    .default('aes-ctr-128');

/** A fresh key and salt. */
export const generateKeys = (kdf: KdfName): { readonly key: Buffer; readonly salt: Buffer } => ({
  key: randomBytes(KDF_KEY_OCTETS[kdf]),
  salt: randomBytes(SALT_LENGTH),
});

/** 192 random bits in 32 characters that need no quotes anywhere; the first is no hyphen, which the daemons take for an option. */
export const generatePassphrase = (): string => {
  const text = randomBytes(24).toString('base64url');
  return text.startsWith('-') ? generatePassphrase() : text;
};

interface KeygenOptions {
  readonly kdf: KdfName;
  readonly passphrase?: true;
  readonly out?: string;
  readonly force?: true;
  readonly json?: true;
}

const keygen = ({ kdf, passphrase, out, force, json }: KeygenOptions): void => {
  const secret = passphrase ? { passphrase: generatePassphrase() } : generateKeys(kdf);
  const text = 'passphrase' in secret ? `${secret.passphrase}\n` : formatKeyFile(secret.key, secret.salt);
  if (out !== undefined) {
    writePrivateFile(out, text, { force: force === true });
    process.stdout.write(json ? `${JSON.stringify({ file: out })}\n` : `wrote ${out}\n`);
  } else if (json) {
    const fields =
      'passphrase' in secret ? secret : { kdf, key: secret.key.toString('hex'), salt: secret.salt.toString('hex') };
    process.stdout.write(`${JSON.stringify(fields)}\n`);
  } else process.stdout.write(text);
};

/** The command. */
export const keygenCommand = (): Command =>
  new Command('keygen')
    .description('make a fresh key and salt, or a passphrase')
    .addOption(kdfOption())
    .option('--passphrase', 'a passphrase instead, from which both ends derive key and salt')
    .option('-o, --out <file>', 'write it to a file that only its owner may read')
    .option('--force', 'replace the file if it exists')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ anygate keygen --out keys/bob          a key file for clients[].keyFile
  $ anygate keygen --kdf aes-ctr-256       hex for clients[].key and salt, or for -K and -A of the daemons
  $ anygate keygen --passphrase -o secret  a file for clients[].passphraseFile, or -E "$(cat secret)"`,
    )
    .action(keygen);
