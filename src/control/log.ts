// The log: one JSON line an event on standard output. What may hold a secret is cut out by name, in case somebody logs more than
// they should; keys themselves are Secrets and print as such anyway.

import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const SECRET_NAMES = ['key', 'salt', 'passphrase', 'masterKey', 'masterSalt', 'token', 'authorization'] as const;
const PLACES = ['', '*.', '*.*.', '*.*.*.'] as const;

/** A logger for `node` at `level`; `destination` is standard output unless given. */
export const createLogger = (level: Config['log']['level'], node: string, destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: { node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: PLACES.flatMap((place) => SECRET_NAMES.map((name) => place + name)), censor: '[secret]' },
    },
    // Written at once: the last lines before an end are the ones that matter most.
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
