import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { requires } from './requires.ts';

const before = process.env['CI'];
beforeEach(() => {
  delete process.env['CI'];
});
afterEach(() => {
  if (before === undefined) delete process.env['CI'];
  else process.env['CI'] = before;
});

test('what is there is no reason to skip', () => {
  assert.equal(requires({ device: '/dev/null', commands: ['sh'] }), false);
});

test('everything that is missing is in the reason', () => {
  assert.equal(
    requires({ device: '/dev/no-such', commands: ['sh', 'no-such-command'] }),
    'needs /dev/no-such, the command no-such-command',
  );
});

test('CI=true allows no skipping', () => {
  process.env['CI'] = 'true';
  assert.throws(() => requires({ commands: ['no-such-command'] }), /no-such-command, and CI=true/);
  assert.equal(requires({ commands: ['sh'] }), false);
});
