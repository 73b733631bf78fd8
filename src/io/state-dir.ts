// The state directory: what must outlive the process. One gateway at a time owns it, by a lock that the kernel takes back however the
// owner ends; a file in it is replaced as a whole and is on the disk before anybody relies on it.

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import { Errno, systemError } from './errno.ts';
import { errno, flock } from './native.ts';

const LOCK_EX_NB = 2 | 4;

/** An open state directory. */
export interface StateDir {
  readonly path: string;
  /** The content of file `name`; `undefined` if there is none. @throws {GatewayError} ERR_STATE_DIR */
  read(name: string): Buffer | undefined;
  /**
   * Replaces file `name`. On return `content` survives a crash of the machine; a crash before leaves the former content whole.
   * @throws {GatewayError} ERR_STATE_DIR
   */
  write(name: string, content: string | Uint8Array): void;
  /** Lets another process take the directory. */
  release(): void;
}

/** Creates `path` if need be and takes it for this process. @throws {GatewayError} ERR_STATE_DIR */
export const openStateDir = (path: string): StateDir => {
  const lock = guarded(path, 'open', () => {
    makeDirectory(path);
    return openSync(join(path, 'lock'), 'a', 0o600);
  });
  if (flock(lock, LOCK_EX_NB) < 0) {
    const number = errno();
    closeSync(lock);
    if (number !== Errno.EAGAIN) throw systemError('ERR_STATE_DIR', 'flock', join(path, 'lock'), number);
    throw new GatewayError(
      'ERR_STATE_DIR',
      `another gateway is using ${path}; stop it, or give this one its own node.stateDir`,
    );
  }
  return new LockedStateDir(path, lock);
};

// Node's own recursive mkdir never returns where a parent exists and yet takes no children, as in /proc.
const makeDirectory = (path: string): void => {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
};

class LockedStateDir implements StateDir {
  readonly path: string;
  #lock: number | undefined;

  constructor(path: string, lock: number) {
    this.path = path;
    this.#lock = lock;
  }

  read(name: string): Buffer | undefined {
    return guarded(join(this.path, name), 'read', () => {
      try {
        return readFileSync(join(this.path, name));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    });
  }

  write(name: string, content: string | Uint8Array): void {
    const path = join(this.path, name);
    guarded(path, 'write', () => {
      const temporary = `${path}.new`;
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      synced(temporary, 'w', (fd) => {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      });
      renameSync(temporary, path);
      // The new name is durable only once the directory is.
      synced(this.path, 'r', () => {});
    });
  }

  release(): void {
    if (this.#lock !== undefined) closeSync(this.#lock);
    this.#lock = undefined;
  }
}

const synced = (path: string, flags: string, use: (fd: number) => void): void => {
  const fd = openSync(path, flags, 0o600);
  try {
    use(fd);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const cures: Readonly<Record<string, string>> = {
  EACCES: 'make it writable for the user the gateway runs as, or set node.stateDir to a directory that is',
  EPERM: 'make it writable for the user the gateway runs as, or set node.stateDir to a directory that is',
  EROFS: 'it is on a read-only file system; set node.stateDir to a directory that can be written',
  ENOSPC: 'free space on its file system',
  EDQUOT: 'free space within the user’s disk quota',
  EEXIST: 'it, or a directory above it, is a file; set node.stateDir to a directory',
  ENOTDIR: 'it, or a directory above it, is a file; set node.stateDir to a directory',
};

const guarded = <T>(path: string, action: string, run: () => T): T => {
  try {
    return run();
  } catch (cause) {
    const code = codeOf(cause);
    const cure = cures[code ?? ''];
    throw new GatewayError(
      'ERR_STATE_DIR',
      `cannot ${action} ${path}: ${code ?? (cause as Error).message}${cure === undefined ? '' : `; ${cure}`}`,
      { cause },
    );
  }
};
