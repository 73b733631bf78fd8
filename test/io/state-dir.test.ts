import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { openStateDir } from '../../src/io/state-dir.ts';

const MODULE = resolve(import.meta.dirname, '../../src/io/state-dir.ts');

const scratch = (): { readonly path: string; [Symbol.dispose](): void } => {
  const path = mkdtempSync(join(tmpdir(), 'anygate-state-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};

test('the directory is made with its parents, for its owner alone', () => {
  using base = scratch();
  const directory = openStateDir(join(base.path, 'a/b'));
  assert.equal(statSync(directory.path).mode & 0o777, 0o700);
  directory.release();
});

test('a file reads back as it was written, and nothing temporary stays behind', () => {
  using base = scratch();
  const directory = openStateDir(base.path);
  assert.equal(directory.read('record'), undefined);
  directory.write('record', 'one');
  directory.write('record', 'two\n');
  assert.equal(directory.read('record')?.toString(), 'two\n');
  directory.write('bytes', Uint8Array.of(0, 255, 10));
  assert.deepEqual([...directory.read('bytes')!], [0, 255, 10]);
  assert.equal(statSync(join(base.path, 'record')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(base.path).sort(), ['bytes', 'lock', 'record']);
  directory.release();
});

test('a half-written successor does not touch what was there', () => {
  using base = scratch();
  const directory = openStateDir(base.path);
  directory.write('record', 'whole');
  writeFileSync(join(base.path, 'record.new'), 'ha');
  assert.equal(directory.read('record')?.toString(), 'whole');
  directory.write('record', 'next');
  assert.equal(directory.read('record')?.toString(), 'next');
  directory.release();
});

test('a second process is refused with the cure until the first has let go', () => {
  using base = scratch();
  const attempt = (): string =>
    spawnSync(
      process.execPath,
      [
        '-e',
        `import(${JSON.stringify(MODULE)}).then((m) => m.openStateDir(process.argv[1])).catch((e) => console.log(e.code, e.message))`,
        base.path,
      ],
      { encoding: 'utf8' },
    ).stdout;
  const directory = openStateDir(base.path);
  assert.match(
    attempt(),
    /^ERR_STATE_DIR another gateway is using .*; stop it, or give this one its own node.stateDir/,
  );
  directory.release();
  assert.equal(attempt(), '');
});

test('the lock of a process that was killed is free', () => {
  using base = scratch();
  const killed = spawnSync(process.execPath, [
    '-e',
    `import(${JSON.stringify(MODULE)}).then((m) => { m.openStateDir(process.argv[1]); process.kill(process.pid, 'SIGKILL'); })`,
    base.path,
  ]);
  assert.equal(killed.signal, 'SIGKILL');
  openStateDir(base.path).release();
});

test('what is no directory, or cannot be made, is told with the cure', () => {
  using base = scratch();
  const file = join(base.path, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below')]) {
    assert.throws(() => openStateDir(path), {
      code: 'ERR_STATE_DIR',
      message: /^cannot open .*: (EEXIST|ENOTDIR); .* set node.stateDir to a directory$/,
    });
  }
  assert.throws(() => openStateDir('/proc/anygate'), {
    code: 'ERR_STATE_DIR',
    message: /^cannot open \/proc\/anygate/,
  });
});

test('a write that fails says which file and why', () => {
  using base = scratch();
  const directory = openStateDir(base.path);
  assert.throws(() => directory.write('none/such', ''), {
    code: 'ERR_STATE_DIR',
    message: /cannot write .*none\/such/,
  });
  directory.release();
});
