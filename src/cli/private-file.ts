// Files that hold secrets: their owner's alone from their first moment on, whole or not there at all, and never written over another
// by accident.

import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '../base/errors.ts';

/** Whether a file that exists is replaced. */
export interface WriteOptions {
  readonly force: boolean;
  readonly mode?: number;
}

const refuse = (file: string): GatewayError =>
  new GatewayError('ERR_USAGE', `${file} exists; --force replaces it, and what is in it is lost then`);

/** Throws unless `files` may be written. @throws {GatewayError} ERR_USAGE */
export const refuseExisting = (files: readonly string[], { force }: WriteOptions): void => {
  const existing = force ? undefined : files.find((file) => existsSync(file));
  if (existing !== undefined) throw refuse(existing);
};

/**
 * Writes `text` to `file` with mode 0600 unless told otherwise, making its directory (0700) if need be.
 *
 * @throws {GatewayError} ERR_USAGE if it exists and must not be replaced, ERR_FILE if it cannot be written.
 */
export const writePrivateFile = (file: string, text: string, { force, mode = 0o600 }: WriteOptions): void => {
  const draft = `${file}.${process.pid}.new`;
  let isDrafted = false;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const fd = openSync(draft, 'wx', mode);
    isDrafted = true;
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // A link fails where a file is; a rename would replace it.
    if (force) renameSync(draft, file);
    else linkSync(draft, file);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' && syscall === 'link') throw refuse(file);
    throw new GatewayError('ERR_FILE', `${file} cannot be written (${code})`, { cause });
  } finally {
    if (isDrafted) rmSync(draft, { force: true });
  }
};
