// Which Anygate this is.

import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The package's version. */
export const VERSION: string = manifest.version;

/** The commit that it was built from, if whoever built it said so. */
export const revision = (): string => process.env['ANYGATE_REVISION'] ?? 'unknown';
