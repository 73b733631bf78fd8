// Reading the small files that secrets are kept in. Messages never quote the content, nor the file's name as written: somebody may
// have put the secret itself where the name belongs.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A secret file's octets. */
export interface SecretFile {
  readonly octets: Buffer;
  /** Any user of this host may read it. */
  readonly isWorldReadable: boolean;
}

const LARGEST = 65_536;

const explain = (code: string | undefined, directory: string): string => {
  if (code === 'ENOENT' || code === 'ENOTDIR') return `no such file; a relative path starts at ${directory}`;
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read the file';
  return `the file cannot be read (${code ?? 'unknown error'})`;
};

/** Reads the file `name`, relative to the directory of `configFile`; a text that says what is wrong if it cannot be read. */
export const readSecretFile = (name: string, configFile: string): SecretFile | string => {
  const directory = dirname(resolve(configFile));
  if (name === '' || name.includes('\0')) return 'must name a file';
  let fd: number | undefined;
  try {
    // Not to be stuck for ever on a pipe that nobody writes to.
    fd = openSync(resolve(directory, name), constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) return 'is not a regular file';
    if (stat.size > LARGEST) return 'is larger than 64 KiB; is it the right file?';
    return { octets: readFileSync(fd), isWorldReadable: (stat.mode & 0o004) !== 0 };
  } catch (error) {
    return explain((error as NodeJS.ErrnoException).code, directory);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

/** The octets before the first line's end. */
export const firstLine = (octets: Buffer): Buffer => {
  const lf = octets.indexOf(0x0a);
  const line = lf < 0 ? octets : octets.subarray(0, lf);
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
};
