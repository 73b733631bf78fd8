// Failures that are the operator's or the machine's, never a packet's. Every code stands in `docs/errors.md`, where its cure is;
// a test holds the two together.

/** Who has to act, as the process's exit code. */
export const ExitCode = { ok: 0, configuration: 2, machine: 3, bug: 70 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Codes of {@link GatewayError}. */
export type ErrorCode =
  | 'ERR_CONFIG'
  | 'ERR_USAGE'
  | 'ERR_FILE'
  | 'ERR_SYSCALL'
  | 'ERR_LIBRARY'
  | 'ERR_TUN_OPEN'
  | 'ERR_TUN_DRIVER'
  | 'ERR_SOCKET'
  | 'ERR_HOST_SETUP'
  | 'ERR_STATE_DIR'
  | 'ERR_SENDER_IDS_EXHAUSTED'
  | 'ERR_HTTP_LISTEN'
  | 'ERR_UNREACHABLE'
  | 'ERR_SHARD';

/** What each code means and what to do. */
export const errorCatalogue: Readonly<Record<ErrorCode, { readonly exit: ExitCode; readonly help: string }>> = {
  ERR_CONFIG: {
    exit: ExitCode.configuration,
    help: 'The configuration cannot be used. Each problem names its key and line.',
  },
  ERR_USAGE: { exit: ExitCode.configuration, help: 'The command line cannot be used. See the command’s --help.' },
  ERR_FILE: {
    exit: ExitCode.machine,
    help: 'A file cannot be written. Check the directory, its permissions and the space on the disk.',
  },
  ERR_SYSCALL: { exit: ExitCode.machine, help: 'A system call failed. The message names the call and the errno.' },
  ERR_LIBRARY: {
    exit: ExitCode.machine,
    help: 'A system library or a symbol in it is missing. Install libssl3 or use a Node that exports OpenSSL.',
  },
  ERR_TUN_OPEN: {
    exit: ExitCode.machine,
    help: 'The TUN device cannot be opened, or was deleted. Load the module (modprobe tun), pass /dev/net/tun to the container, and grant CAP_NET_ADMIN.',
  },
  ERR_TUN_DRIVER: {
    exit: ExitCode.configuration,
    help: 'The driver named by relay.device.driver is not installed. Install that package or remove the key.',
  },
  ERR_SOCKET: {
    exit: ExitCode.machine,
    help: 'A listening address cannot be used. Check that it is this host’s and that nothing else listens there.',
  },
  ERR_HOST_SETUP: {
    exit: ExitCode.machine,
    help: 'A command that sets up the host failed; what had been changed was put back. `anygate doctor` tells what is missing.',
  },
  ERR_STATE_DIR: {
    exit: ExitCode.machine,
    help: 'node.stateDir cannot be used. It must exist or be creatable, be writable, and serve one gateway at a time.',
  },
  ERR_SENDER_IDS_EXHAUSTED: {
    exit: ExitCode.configuration,
    help: 'All sender ids of node.senderIds were used with the present keys. Replace every client’s key and remove the sender id file.',
  },
  ERR_HTTP_LISTEN: {
    exit: ExitCode.machine,
    help: 'http.listen cannot be used. Check that the address is this host’s and the port is free.',
  },
  ERR_UNREACHABLE: {
    exit: ExitCode.machine,
    help: 'No gateway answers at http.listen. Is it running, and is it this configuration that it runs with?',
  },
  ERR_SHARD: {
    exit: ExitCode.bug,
    help: 'A shard died and could not be restarted. Please report the log line before this one.',
  },
};

/** A failure with a code, for a message that says what to change; secrets never enter one. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The process's exit code for this failure. */
  get exit(): ExitCode {
    return errorCatalogue[this.code].exit;
  }
}
