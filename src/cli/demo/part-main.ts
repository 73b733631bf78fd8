// What the demonstration starts inside its namespaces: `part-main.ts third-party ADDRESS`, or `part-main.ts prober`.

import { invariant } from '../../base/assert.ts';
import { parseIp4 } from '../../wire/addr.ts';
import { serveProbes, serveThirdParty } from './parts.ts';

const [name, text = ''] = process.argv.slice(2);
if (name === 'prober') {
  await serveProbes();
} else {
  const address = parseIp4(text);
  invariant(name === 'third-party' && address !== undefined, 'the demonstration starts what it has');
  await serveThirdParty(address);
}
