import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_ROW, RowAllocator, RowLists } from '../../src/nat/row-lists.ts';

const rowsOf = (lists: RowLists, list: number): number[] => {
  const rows: number[] = [];
  for (let row = lists.first(list); row !== NO_ROW; row = lists.next(row)) rows.push(row);
  return rows;
};

test('rows are handed out once each, until there are none', () => {
  const a = new RowAllocator(new Int32Array(6), 2, 1, 3);
  assert.deepEqual([a.take(), a.take(), a.take(), a.take()], [0, 1, 2, NO_ROW]);
  assert.deepEqual([a.hasRoom, a.live, a.highWater], [false, 3, 3]);
});

test('a freed row is not reused until the batch ends', () => {
  const a = new RowAllocator(new Int32Array(6), 2, 1, 3);
  a.take();
  a.take();
  a.release(0);
  assert.equal(a.take(), 2);
  assert.equal(a.take(), NO_ROW);
  assert.equal(a.hasRoom, false);
  a.release(1);
  a.settle();
  assert.deepEqual([a.take(), a.take(), a.take()].toSorted(), [NO_ROW, 0, 1]);
});

test('the allocator agrees with a Set under any script', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('take', 'take', 'release', 'settle'), { maxLength: 100 }), (script) => {
      const a = new RowAllocator(new Int32Array(16), 2, 0, 8);
      const live = new Set<number>();
      const resting = new Set<number>();
      for (const step of script) {
        if (step === 'take') {
          const row = a.take();
          assert.equal(row === NO_ROW, live.size + resting.size === 8);
          assert.ok(!live.has(row) && !resting.has(row));
          if (row !== NO_ROW) live.add(row);
        } else if (step === 'release') {
          const [row] = live;
          if (row === undefined) continue;
          a.release(row);
          live.delete(row);
          resting.add(row);
        } else {
          a.settle();
          resting.clear();
        }
        assert.equal(a.live, live.size);
        assert.equal(a.hasRoom, live.size + resting.size < 8);
      }
    }),
  );
});

test('the lists agree with arrays under any script of appends and removals', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 2 })), { maxLength: 100 }), (script) => {
      const lists = new RowLists(new Int32Array(40), 4, 1, 3, 3);
      const model: number[][] = [[], [], []];
      for (const [row, list] of script) {
        const at = model.findIndex((l) => l.includes(row));
        if (at < 0) {
          lists.append(list, row);
          model[list]!.push(row);
        } else {
          lists.remove(at, row);
          model[at] = model[at]!.filter((r) => r !== row);
        }
        assert.deepEqual(
          [0, 1, 2].map((l) => rowsOf(lists, l)),
          model,
        );
      }
    }),
  );
});
