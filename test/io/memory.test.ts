import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PACKET_SIZE, PacketBatch, Verdict } from '../../src/base/batch.ts';
import { DropReason, dropReasonNames } from '../../src/base/drop-reason.ts';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { ManualClock, milliseconds, NEVER, seconds } from '../../src/base/time.ts';
import { DatagramLink, type Impairment, ManualWaiter, PacketLink, PERFECT } from '../../src/io/memory.ts';
import { endpointOf } from '../../src/io/socket-address.ts';

const batchOf = (capacity: number): PacketBatch => new PacketBatch(capacity, new Float64Array(dropReasonNames.length));
const optionsOf = (impairment: Partial<Impairment> = {}, seed = 1, clock: ManualClock = new ManualClock()) => ({
  clock,
  random: new SeededRandom(seed),
  impairment: { ...PERFECT, ...impairment },
});
const ENDPOINT = endpointOf(0, '192.0.2.1', 4444, '198.51.100.1');

/** The first octets of what a shard receives of `n` numbered packets. */
const carried = (impairment: Partial<Impairment>, n: number, seed = 1): number[] => {
  const options = optionsOf(impairment, seed);
  const link = new PacketLink(options);
  for (let i = 0; i < n; i++) link.push(Uint8Array.of(i >> 8, i));
  options.clock.advance(seconds(60));
  const b = batchOf(2 * n);
  link.receive(b);
  return Array.from({ length: b.count }, (_, i) => b.arena.view.getUint16(b.at[i]!));
};

test('a datagram goes to the shard with its endpoint, and the answer comes back with it', () => {
  const link = new DatagramLink(5, optionsOf());
  link.push(Uint8Array.of(1, 2, 3), ENDPOINT);
  const b = batchOf(2);
  assert.equal(link.receive(b), 1);
  const expected = endpointOf(5, '192.0.2.1', 4444, '198.51.100.1');
  assert.deepEqual(b.endpoint.slice(0, ENDPOINT_WORDS), expected);
  assert.equal(b.verdict[0], Verdict.pending);
  b.at[0]! -= 2;
  b.arena.bytes.set([8, 9], b.at[0]);
  b.verdict[0] = Verdict.client;
  link.send(b);
  assert.deepEqual(link.pull(), { bytes: Uint8Array.of(8, 9, 1, 2, 3), endpoint: expected });
  assert.equal(link.pull(), undefined);
});

test('only what has the link’s verdict and socket is sent', () => {
  const datagrams = new DatagramLink(1, optionsOf());
  const packets = new PacketLink(optionsOf());
  const b = batchOf(8);
  for (const [verdict, socket] of [
    [Verdict.client, 1],
    [Verdict.client, 2],
    [Verdict.external, 1],
    [Verdict.drop, 1],
    [Verdict.pending, 1],
  ] as const) {
    const i = b.accept(1);
    b.arena.bytes[b.at[i]!] = i;
    b.verdict[i] = verdict;
    b.endpoint[i * ENDPOINT_WORDS] = socket;
  }
  datagrams.send(b);
  packets.send(b);
  assert.deepEqual([datagrams.pull()?.bytes, datagrams.pull()], [Uint8Array.of(0), undefined]);
  assert.deepEqual([packets.pull(), packets.pull()], [Uint8Array.of(2), undefined]);
});

test('a full batch leaves the rest waiting, and what is too long for a slot is dropped and counted', () => {
  const link = new DatagramLink(0, optionsOf());
  for (const length of [PACKET_SIZE, PACKET_SIZE + 1, 7]) link.push(new Uint8Array(length), ENDPOINT);
  const b = batchOf(2);
  assert.equal(link.receive(b), 2);
  assert.equal(link.receive(b), 0);
  assert.deepEqual([...b.verdict], [Verdict.pending, Verdict.drop]);
  assert.equal(b.drops[DropReason.satpTruncated], 1);
  b.clear();
  assert.equal(link.receive(b), 1);
  assert.equal(b.end[0]! - b.at[0]!, 7);
});

test('what was pushed is a copy: the sender may reuse its memory', () => {
  const link = new PacketLink(optionsOf());
  const packet = Uint8Array.of(1);
  link.push(packet);
  packet[0] = 2;
  const b = batchOf(1);
  link.receive(b);
  assert.equal(b.arena.bytes[b.at[0]!], 1);
});

test('a delay is exact on the manual clock', () => {
  const options = optionsOf({ delay: milliseconds(30) });
  const link = new PacketLink(options);
  link.push(Uint8Array.of(1));
  const b = batchOf(1);
  assert.equal(link.due, options.clock.now() + 30);
  options.clock.advance(milliseconds(29));
  assert.equal(link.receive(b), 0);
  options.clock.advance(milliseconds(1));
  assert.equal(link.receive(b), 1);
  assert.equal(link.due, NEVER);
});

test('loss and duplication have their share, and the order stays', () => {
  const lossy = carried({ loss: 0.3 }, 2000);
  assert.ok(lossy.length > 1300 && lossy.length < 1500, `${lossy.length}`);
  const doubled = carried({ duplication: 0.2 }, 2000);
  assert.ok(doubled.length > 2300 && doubled.length < 2500, `${doubled.length}`);
  for (const numbers of [lossy, doubled])
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  assert.deepEqual(carried({ loss: 1 }, 100), []);
});

test('jitter reorders and loses nothing', () => {
  const numbers = carried({ jitter: milliseconds(10) }, 500);
  assert.notDeepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    Array.from({ length: 500 }, (_, i) => i),
  );
});

test('the same seed gives the same run, another seed another', () => {
  const impairment = { loss: 0.1, duplication: 0.1, jitter: milliseconds(5) };
  assert.deepEqual(carried(impairment, 200, 3), carried(impairment, 200, 3));
  assert.notDeepEqual(carried(impairment, 200, 3), carried(impairment, 200, 4));
});

test('a wait moves the clock to the next arrival, or to its end', () => {
  const clock = new ManualClock();
  const links = [new PacketLink(optionsOf({ delay: milliseconds(30) }, 1, clock)), new PacketLink(optionsOf())];
  const waiter = new ManualWaiter(clock, links);
  const start = clock.now();
  waiter.wait(milliseconds(10));
  assert.equal(clock.now() - start, 10);
  links[0]!.push(Uint8Array.of(1));
  waiter.wait(milliseconds(100));
  assert.equal(clock.now() - start, 40);
  waiter.wait(milliseconds(100));
  assert.equal(clock.now() - start, 40);
  assert.equal(links[0]!.receive(batchOf(1)), 1);
  waiter.wait(milliseconds(Number.POSITIVE_INFINITY));
  assert.equal(clock.now() - start, 40);
});
