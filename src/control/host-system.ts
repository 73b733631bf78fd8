// The host as set-up sees it: commands of iproute2 and nftables, run without a shell, and kernel settings under /proc/sys. Settings are
// files here and not `sysctl` calls: one package less to need, and device names with dots mean what they say.

import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { GatewayError } from '../base/errors.ts';

/** What set-up may do to a host; tests put a model in its place. */
export interface HostSystem {
  /** Runs a command and returns what it printed. @throws {CommandFailure} */
  run(argv: readonly string[]): Promise<string>;
  /** The value of a setting such as `net/ipv4/ip_forward`; `undefined` if this kernel has no such setting. */
  read(setting: string): string | undefined;
  /** @throws {GatewayError} ERR_HOST_SETUP */
  write(setting: string, value: string): void;
  /** Whether {@link write} is allowed. */
  isWritable(setting: string): boolean;
}

/** A command that could not be run or ended with an error. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly stderr: string;
  /** What the operator can do, if that is known. */
  readonly cure: string | undefined;

  constructor(argv: readonly string[], stderr: string, cure?: string) {
    super(`\`${argv[0]} ${argv[1] ?? ''}…\`: ${stderr}`);
    this.stderr = stderr;
    this.cure = cure;
  }
}

const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables' };
const TIMEOUT_MS = 10_000;

const GRANT =
  'run as root, or grant CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN, Docker: --cap-add NET_ADMIN)';

const cureOf = (stderr: string): string | undefined => {
  if (/not permitted|Permission denied/.test(stderr)) return GRANT;
  if (/File exists/.test(stderr)) return 'something else on this host has set up the same; remove that first';
  return undefined;
};

// A service's PATH often lacks the directories where `ip` and `nft` are.
const PATH = [process.env['PATH'], '/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter(Boolean).join(delimiter);

const fileOf = (setting: string): string => `/proc/sys/${setting}`;

/** The host that this process runs on, in this process's network namespace. */
export const hostSystem: HostSystem = {
  run: (argv) =>
    new Promise((resolve, reject) => {
      const [command = '', ...rest] = argv;
      const options = { timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024, env: { PATH, LC_ALL: 'C' } };
      execFile(command, rest, options, (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        if (error.code === 'ENOENT') {
          const name = PACKAGES[command] ?? command;
          return reject(
            new CommandFailure(argv, `the command ${command} is missing`, `install it (apt install ${name})`),
          );
        }
        const said = stderr.trim() || (error.killed ? `no answer within ${TIMEOUT_MS / 1000} s` : error.message);
        reject(new CommandFailure(argv, said, cureOf(said)));
      });
    }),

  read: (setting) => {
    try {
      return readFileSync(fileOf(setting), 'utf8').trim();
    } catch {
      return undefined;
    }
  },

  write: (setting, value) => {
    try {
      writeFileSync(fileOf(setting), `${value}\n`);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const cure =
        code === 'EROFS'
          ? `set it from outside the container (Docker: --sysctl ${setting.replaceAll('/', '.')}=${value})`
          : GRANT;
      throw new GatewayError('ERR_HOST_SETUP', `cannot write ${fileOf(setting)}: ${code}; ${cure}`, { cause });
    }
  },

  isWritable: (setting) => {
    try {
      accessSync(fileOf(setting), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
};
