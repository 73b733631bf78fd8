import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, milliseconds, seconds } from '../../src/base/time.ts';
import { SenderIdRequests } from '../../src/dataplane/sender-id-requests.ts';

test('a sender id is asked for once, and again after a minute without an answer', () => {
  const clock = new ManualClock();
  const requests = new SenderIdRequests();
  assert.ok(requests.ask(7, clock.now()));
  assert.ok(requests.ask(8, clock.now()), 'each row asks for itself');
  clock.advance(milliseconds(59_999));
  assert.ok(!requests.ask(7, clock.now()));
  clock.advance(milliseconds(1));
  assert.ok(requests.ask(7, clock.now()));
  clock.advance(seconds(59));
  assert.ok(!requests.ask(7, clock.now()), 'the minute begins anew');
});

test('a row whose request was answered, or that may be another client’s, asks at once', () => {
  const clock = new ManualClock();
  const requests = new SenderIdRequests();
  for (const row of [7, 8]) requests.ask(row, clock.now());
  requests.settle(7);
  assert.ok(requests.ask(7, clock.now()));
  assert.ok(!requests.ask(8, clock.now()));
  requests.clear();
  assert.ok(requests.ask(8, clock.now()));
});
