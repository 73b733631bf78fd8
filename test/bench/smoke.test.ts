// That the benchmark can be run: it relays through a real gateway in namespaces of its own, prints figures, and leaves nothing behind.
// What the figures are is not judged here, where other tests keep the machine busy.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAbandoned } from '../../bench/cleanup.ts';
import { execute } from '../netns/processes.ts';
import { requires } from '../support/requires.ts';

const RUN = join(import.meta.dirname, '../../bench/run.ts');
const COMMANDS = ['ip', 'nft', 'sysctl', 'taskset'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

/** What belongs to benchmarks that have ended. */
const leftovers = (): string[] =>
  ['/run/netns', tmpdir()]
    .filter((directory) => existsSync(directory))
    .flatMap((directory) => readdirSync(directory))
    .filter((name) => isAbandoned(name, 'agbench') || isAbandoned(name, 'anygate-bench-'));

test('the benchmark measures and leaves nothing behind', { skip }, async () => {
  const short = ['--gateways', 'anygate', '--repetitions', '1', '--seconds', '0.1'];
  const argv = [process.execPath, RUN, ...short, 'upload'];
  const { code, stdout, stderr } = await execute(argv, { timeout: 60_000 });
  assert.equal(code, 0, stderr);
  // Two sizes, single datagrams and trains.
  assert.equal([...stdout.matchAll(/^\| Anygate +\| +[\d,.]+ \(/gm)].length, 4, stdout);
  assert.deepEqual(leftovers(), []);
});

test('an unknown question or gateway is refused with what there is', async () => {
  for (const word of ['nonsense', '--gateways=nonsense', '--nonsense', '--seconds=fast']) {
    const { code, stderr } = await execute([process.execPath, RUN, word]);
    assert.equal(code, 2, word);
    assert.match(stderr, /questions: upload, download/);
  }
});
