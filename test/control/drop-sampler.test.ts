import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCounters, dropCells } from '../../src/base/counters.ts';
import { DropReason } from '../../src/base/drop-reason.ts';
import { Direction } from '../../src/base/protocol.ts';
import { ManualClock, seconds } from '../../src/base/time.ts';
import { DropSampler } from '../../src/control/drop-sampler.ts';

const setUp = () => {
  const clock = new ManualClock();
  const shards = [createCounters(), createCounters()];
  const sampler = new DropSampler(seconds(10));
  return {
    drop: (shard: number, direction: Direction, reason: DropReason, n = 1) => {
      dropCells(shards[shard]!, direction)[reason]! += n;
    },
    after: (s: number) => sampler.sample(shards, clock.advance(seconds(s))),
  };
};

test('nothing refused, nothing said', () => {
  const { after } = setUp();
  assert.equal(after(0), undefined);
  assert.equal(after(100), undefined);
});

test('a summary counts what came since the last one, over all shards, by direction and reason', () => {
  const { drop, after } = setUp();
  drop(0, Direction.outbound, DropReason.satpBadTag, 5);
  drop(1, Direction.outbound, DropReason.satpBadTag, 2);
  drop(1, Direction.inbound, DropReason.natFiltered, 1);
  assert.deepEqual(after(0), { total: 8, drops: { outbound: { satp_bad_tag: 7 }, inbound: { nat_filtered: 1 } } });
  drop(0, Direction.outbound, DropReason.satpReplayed, 3);
  assert.deepEqual(after(10), { total: 3, drops: { outbound: { satp_replayed: 3 } } });
});

test('however many packets are refused, there is one summary an interval, and none is lost to it', () => {
  const { drop, after } = setUp();
  let lines = 0;
  let total = 0;
  for (let s = 0; s < 100; s++) {
    drop(0, Direction.outbound, DropReason.satpUnknownMux, 1_000_000);
    const summary = after(1);
    if (summary === undefined) continue;
    lines++;
    total += summary.total;
  }
  assert.equal(lines, 10);
  assert.equal(total, 91_000_000, 'all but those since the last summary');
});
