// Writes the reference pages below docs/: `npm run docs`.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pages } from './reference.ts';

for (const [name, print] of Object.entries(pages)) writeFileSync(join(import.meta.dirname, '../docs', name), print());
