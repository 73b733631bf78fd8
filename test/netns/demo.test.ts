// The demonstration as root runs it: with a stock daemon and with our own client, to its end, kept, and interrupted. Afterwards nothing
// of it is left: no namespace, no device, no process, no file.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../../src/cli/demo/story.ts';
import { requires } from '../support/requires.ts';
import { eventually, execute, RunningProcess } from './processes.ts';

const skip = requires({ root: true, device: '/dev/net/tun', commands: ['ip', 'uanytun'] });
const LAUNCHER = join(import.meta.dirname, '../../bin/anygate');
const TIMEOUT = 60_000;

const namespacesOf = (pid: number): string[] =>
  existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith(`anygate-demo-${pid}-`)) : [];

/** Processes of this demonstration, which all have its directory or number in their arguments. */
const processesOf = (pid: number): string[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => {
      try {
        return readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // It has ended meanwhile.
      }
    })
    .filter((line) => line.includes(`anygate-demo-${pid}-`));

/** A directory for the temporary files of a demonstration. */
const scratch = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'anygate-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
};

const start = (t: TestContext, directory: string, ...args: readonly string[]): RunningProcess => {
  const log = join(directory, 'log');
  rmSync(log, { force: true });
  const demo = new RunningProcess([LAUNCHER, 'demo', ...args], log, { env: { TMPDIR: directory } });
  t.after(async () => {
    if (demo.isRunning) await demo.stop('SIGTERM', 20_000);
  });
  return demo;
};

const assertNothingLeft = (demo: RunningProcess, directory: string): void => {
  assert.deepEqual(namespacesOf(demo.pid), []);
  assert.deepEqual(processesOf(demo.pid), []);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name !== 'log'),
    [],
  );
};

for (const client of ['uanytun', 'own'] as const) {
  test(`the demonstration shows a relay with the client ${client} and leaves nothing behind`, { skip }, async (t) => {
    const devices = Object.keys(networkInterfaces()).sort();
    const directory = scratch(t);
    const demo = start(t, directory, '--json', '--client', client);
    await Promise.race([demo.ended, sleep(TIMEOUT, undefined, { ref: false })]);
    const output = readFileSync(demo.log, 'utf8');
    assert.equal(await demo.ended, 0, output);
    const report = JSON.parse(output) as Report;
    assert.equal(report.setting, 'namespaces');
    assert.match(report.steps[2]!.lines[0]!, client === 'own' ? /^our own client/ : /^uanytun/);
    assert.deepEqual([...new Set(report.seen.map((s) => s.address))], ['198.51.100.10']);
    assert.deepEqual([...new Set(report.seen.map((s) => s.protocol))].sort(), ['icmp', 'tcp', 'udp']);
    assert.equal(report.mappings.length, 3);
    assertNothingLeft(demo, directory);
    assert.deepEqual(Object.keys(networkInterfaces()).sort(), devices);
  });
}

const status = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject);
  });

test('--keep leaves it running, with a status page, until it is told to end', { skip }, async (t) => {
  const directory = scratch(t);
  const demo = start(t, directory, '--keep');
  const output = (): string => readFileSync(demo.log, 'utf8');
  await eventually(
    () => `the doors: ${output()}`,
    () => output().includes('To end it'),
    TIMEOUT,
  );
  const url = /Status page +(http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(output())?.[1];
  assert.ok(url, output());
  assert.equal(await status(url), 200);
  assert.equal(await status(`${url}readyz`), 200);
  const shell = /A shell at the client +(ip netns exec \S+) bash/.exec(output())?.[1];
  assert.ok(shell, output());
  const inside = await execute([...shell.split(' '), 'ip', 'route', 'get', '203.0.113.7']);
  assert.match(inside.stdout, /dev sat0 src 10\.99\.0\.2/);
  assert.match(output(), new RegExp(`To end it +kill ${demo.pid}$`, 'm'));
  assert.equal(await demo.stop('SIGTERM', 20_000), 0);
  assertNothingLeft(demo, directory);
});

test('an interrupt half way removes what was set up', { skip }, async (t) => {
  const directory = scratch(t);
  const demo = start(t, directory);
  await eventually(
    () => 'the first step',
    () => readFileSync(demo.log, 'utf8').includes('✓ Network'),
    TIMEOUT,
  );
  assert.equal(namespacesOf(demo.pid).length, 3);
  assert.equal(await demo.stop('SIGINT', 20_000), 130);
  assertNothingLeft(demo, directory);
});

test('what a killed demonstration has left behind goes with the next one', { skip }, async (t) => {
  const directory = scratch(t);
  const killed = start(t, directory, '--client', 'own');
  await eventually(
    () => 'the client',
    () => readFileSync(killed.log, 'utf8').includes('✓ Client'),
    TIMEOUT,
  );
  await killed.stop('SIGKILL');
  assert.equal(namespacesOf(killed.pid).length, 3);
  const demo = start(t, directory, '--client', 'own');
  assert.equal(await demo.ended, 0, readFileSync(demo.log, 'utf8'));
  assertNothingLeft(killed, directory);
  assertNothingLeft(demo, directory);
});
