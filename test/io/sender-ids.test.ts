import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../src/base/random.ts';
import { SENDER_ID_FILE, type SenderIdRange, SenderIds } from '../../src/io/sender-ids.ts';
import { openStateDir, type StateDir } from '../../src/io/state-dir.ts';

/** A state directory without a disk. */
const memoryDir = (files: Map<string, string> = new Map()): StateDir => ({
  path: '/nowhere',
  read: (name) => (files.has(name) ? Buffer.from(files.get(name)!) : undefined),
  write: (name, content) => void files.set(name, content.toString()),
  release: () => {},
});
const ALL: SenderIdRange = { low: 0, high: 65_535 };
const idsOf = (directory: StateDir, range: SenderIdRange = ALL, seed = 1): SenderIds =>
  new SenderIds(directory, range, new SeededRandom(seed));

test('ids are consecutive from a random first one', () => {
  const ids = idsOf(memoryDir());
  const first = ids.lease();
  assert.equal(ids.lease(), (first + 1) % 65_536);
  assert.equal(ids.remaining, 65_534);
  const firsts = new Set([1, 2, 3, 4, 5].map((seed) => idsOf(memoryDir(), ALL, seed).lease()));
  assert.equal(firsts.size, 5);
});

test('a new start goes on where the last one ended', () => {
  const directory = memoryDir();
  const first = idsOf(directory).lease();
  assert.equal(idsOf(directory, ALL, 99).lease(), (first + 1) % 65_536);
});

test('an id is on the disk before it is known', () => {
  const files = new Map<string, string>();
  const directory = memoryDir(files);
  const ids = idsOf(directory);
  const full: StateDir = {
    ...directory,
    write: () => {
      throw new Error('no space');
    },
  };
  const before = ids.lease();
  assert.throws(() => idsOf(full).lease(), /no space/);
  assert.equal(ids.lease(), (before + 1) % 65_536);
  assert.match(files.get(SENDER_ID_FILE)!, new RegExp(`\\n${before}-${before + 1}\\n`));
});

test('a used-up range is an error with the cure, before and after a restart', () => {
  const directory = memoryDir();
  const range = { low: 10, high: 12 };
  const ids = idsOf(directory, range);
  assert.deepEqual([ids.lease(), ids.lease(), ids.lease()].sort(), [10, 11, 12]);
  assert.equal(ids.remaining, 0);
  for (const exhausted of [ids, idsOf(directory, range)]) {
    assert.throws(() => exhausted.lease(), {
      code: 'ERR_SENDER_IDS_EXHAUSTED',
      message: /all sender ids from 10 to 12 .* widen node.senderIds, or give every client a new key/,
    });
  }
  assert.ok(idsOf(directory, { low: 10, high: 13 }).lease() === 13);
});

test('no id is given out twice, whatever the ranges and restarts', () => {
  const range = fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 }))
    .map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
  fc.assert(
    fc.property(fc.array(fc.tuple(range, fc.nat({ max: 9 })), { maxLength: 12 }), (starts) => {
      const directory = memoryDir();
      const seen = new Set<number>();
      for (const [index, [span, leases]] of starts.entries()) {
        const ids = idsOf(directory, span, index);
        const left = ids.remaining;
        for (let n = 0; n < Math.min(left, leases); n++) {
          const id = ids.lease();
          assert.ok(id >= span.low && id <= span.high && !seen.has(id));
          seen.add(id);
        }
        if (leases > left) assert.throws(() => ids.lease(), { code: 'ERR_SENDER_IDS_EXHAUSTED' });
      }
    }),
  );
});

test('a damaged record is an error with the cure, never a new numbering', () => {
  const files = new Map<string, string>();
  idsOf(memoryDir(files)).lease();
  const whole = files.get(SENDER_ID_FILE)!;
  const damaged = ['', '\n', whole.slice(0, 10), whole.slice(0, -20), whole.replace(/\d-/, 'x-'), `x${whole}`];
  for (const content of damaged) {
    files.set(SENDER_ID_FILE, content);
    assert.throws(() => idsOf(memoryDir(files)), {
      code: 'ERR_STATE_DIR',
      message: /\/nowhere\/sender-ids is damaged, .* give every client a new key/,
    });
  }
  fc.assert(
    fc.property(fc.nat({ max: whole.length - 2 }), fc.integer({ min: 1, max: 127 }), (at, flip) => {
      const octets = Buffer.from(whole);
      octets[at] = octets[at]! ^ flip;
      files.set(SENDER_ID_FILE, octets.toString());
      assert.throws(() => idsOf(memoryDir(files)), { code: 'ERR_STATE_DIR' });
    }),
  );
});

test('ids never repeat across processes that are killed at any moment', async () => {
  const path = mkdtempSync(join(tmpdir(), 'anygate-ids-'));
  const script = join(path, 'lease.mjs');
  const source = (name: string): string => JSON.stringify(join(import.meta.dirname, '../../src', name));
  writeFileSync(
    script,
    `import { writeSync } from 'node:fs';
     import { SystemRandom } from ${source('io/random.ts')};
     import { SenderIds } from ${source('io/sender-ids.ts')};
     import { openStateDir } from ${source('io/state-dir.ts')};
     const ids = new SenderIds(openStateDir(${JSON.stringify(join(path, 'state'))}), { low: 0, high: 65535 }, new SystemRandom());
     for (;;) writeSync(1, ids.lease() + '\\n');`,
  );
  try {
    const seen = new Set<number>();
    const random = new SeededRandom(7);
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
      for (const line of await outputUntilKilled(child, 1 + (random.uint32() % 40))) {
        const id = Number(line);
        assert.ok(!seen.has(id), `${id} in round ${round} was used before`);
        seen.add(id);
      }
    }
    assert.ok(seen.size >= 5);
    const directory = openStateDir(join(path, 'state'));
    const ids = idsOf(directory);
    assert.ok(!seen.has(ids.lease()));
    directory.release();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});

/** The whole lines that `child` wrote until it was killed, which happens once it has written `lines` of them. */
const outputUntilKilled = async (child: ChildProcess, lines: number): Promise<string[]> => {
  let text = '';
  child.stdout!.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
    if (text.split('\n').length > lines) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return text.split('\n').slice(0, -1);
};
