import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../src/base/errors.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { NumberJournal } from '../../src/control/number-journal.ts';
import { openStateDir, type StateDir } from '../../src/io/state-dir.ts';

const ROWS = 16;

const withState = (use: (state: StateDir) => void): void => {
  const dir = mkdtempSync(join(tmpdir(), 'anygate-numbers-'));
  const state = openStateDir(dir);
  try {
    use(state);
  } finally {
    state.release();
    rmSync(dir, { recursive: true });
  }
};

const journalOf = (state: StateDir, seed = 1): NumberJournal => new NumberJournal(state, ROWS, new SeededRandom(seed));

test('a fresh state directory remembers nothing', () => {
  withState((state) => {
    const { store } = journalOf(state);
    assert.ok(store.identities.every((identity) => identity === 0));
    assert.ok(store.senderIds.every((word) => word === 0));
  });
});

test('numbers survive the process, whatever they are', () => {
  const line = fc.tuple(
    fc.integer({ min: 0, max: 65_535 }),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 2 ** 32 }),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: ROWS - 1 })),
      fc.array(line, { minLength: 1, maxLength: 4 }),
      (rows, lines) => {
        withState((state) => {
          const before = journalOf(state);
          for (const row of rows) {
            before.store.identities[row] = 2 ** 47 + row;
            lines.forEach(([senderId, highest, below], k) => {
              before.store.senderIds[k * ROWS + row] = senderId + 1;
              before.store.highest[k * ROWS + row] = highest;
              before.store.contestedBelow[k * ROWS + row] = below;
            });
          }
          before.save();
          const after = journalOf(state);
          for (const name of ['identities', 'senderIds', 'highest', 'contestedBelow'] as const)
            assert.deepEqual(after.store[name], before.store[name], name);
        });
      },
    ),
    { numRuns: 20 },
  );
});

test('auth tags survive an orderly end, and with them the secret by which they are found', () => {
  withState((state) => {
    const before = journalOf(state);
    before.store.tags[0] = 77;
    before.store.tags[before.store.tags.length - 1] = -5;
    before.saveAll();
    const after = journalOf(state, 2);
    assert.deepEqual(after.store.tags, before.store.tags);
    assert.equal(after.store.tagKey[0], before.store.tagKey[0]);
  });
});

test('what has not changed is not written again', () => {
  withState((state) => {
    let writes = 0;
    const journal = journalOf({
      path: state.path,
      read: (name) => state.read(name),
      write: (name, content) => {
        writes++;
        state.write(name, content);
      },
      release: () => undefined,
    });
    journal.store.identities[3] = 1;
    journal.store.senderIds[3] = 1;
    journal.save();
    journal.save();
    assert.equal(writes, 1);
    journal.store.highest[3] = 9;
    journal.save();
    assert.equal(writes, 2);
  });
});

test('a damaged file is refused with its cure, never taken for nothing', () => {
  const damages = [
    '',
    'null',
    '{}',
    '{"version":2,"lines":[]}',
    '{"version":1,"lines":[[99,1,0,0,0]]}',
    '{"version":1,"lines":[[1,1,0,0]]}',
  ];
  for (const damage of damages) {
    withState((state) => {
      writeFileSync(join(state.path, 'number-lines.json'), damage);
      assert.throws(
        () => journalOf(state),
        (e: unknown) => e instanceof GatewayError && e.code === 'ERR_STATE_DIR' && /remove it/.test(e.message),
        damage,
      );
    });
  }
  withState((state) => {
    writeFileSync(join(state.path, 'auth-tags'), 'xyz');
    assert.throws(() => journalOf(state), /auth-tags is damaged/);
  });
});
