import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, Errno, errnoName, systemError } from '../../src/io/errno.ts';
import { close, errno, errnoNumbers } from '../../src/io/native.ts';

test('the errno numbers that code decides by are the platform’s', () => {
  for (const [name, number] of Object.entries(Errno)) assert.equal(errnoNumbers[name], number, name);
});

test('an errno has its best known name, an unknown one its number', () => {
  assert.equal(errnoName(11), 'EAGAIN');
  assert.equal(errnoName(98), 'EADDRINUSE');
  assert.equal(errnoName(4095), 'errno 4095');
});

test('a failed call names itself, its object, the errno and a cure', () => {
  assert.equal(close(-1), -1);
  assert.equal(errnoName(errno()), 'EBADF');
  assert.throws(() => check(close(-1), 'close', 'descriptor -1'), {
    code: 'ERR_SYSCALL',
    message: 'close of descriptor -1 failed with EBADF',
  });
  assert.equal(check(7, 'close', 'anything'), 7);
  assert.equal(
    systemError('ERR_SOCKET', 'socket', '[::1]:4444', 24).message,
    'socket of [::1]:4444 failed with EMFILE; raise the limit of open files (LimitNOFILE=, ulimit -n)',
  );
});
