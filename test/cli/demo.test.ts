// The demonstration as somebody without rights runs it: everything in memory, nothing written anywhere.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/cli/demo/story.ts';

const ROOT = join(import.meta.dirname, '../..');
const NOBODY = 65_534;
const OTHERS_MAY_ENTER = 0o001;

/** Whether a stranger to this machine may enter `directory`. */
const isOpen = (directory: string): boolean => {
  for (let d = directory; ; d = dirname(d)) {
    if ((statSync(d).mode & OTHERS_MAY_ENTER) === 0) return false;
    if (d === dirname(d)) return true;
  }
};

const isRoot = process.geteuid?.() === 0;
/** Root becomes nobody, unless nobody could not read this tree. */
const asNobody = isRoot && isOpen(ROOT);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it left in the only directory it was told of. */
  readonly written: readonly string[];
}

/** Runs the demonstration to its end as a user without rights. */
const demonstrate = (t: TestContext, ...args: readonly string[]): Promise<Outcome> => {
  const home = mkdtempSync(join(tmpdir(), 'anygate-test-'));
  t.after(() => rmSync(home, { recursive: true }));
  if (asNobody) chownSync(home, NOBODY, NOBODY);
  const options = {
    ...(asNobody && { uid: NOBODY, gid: NOBODY }),
    cwd: home,
    env: { PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter), HOME: home, TMPDIR: home },
    timeout: 60_000,
  };
  const all = ['demo', ...(isRoot && !asNobody ? ['--memory'] : []), ...args];
  return new Promise((resolve) => {
    execFile(join(ROOT, 'bin/anygate'), all, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? Number.NaN);
      resolve({ code, stdout, stderr, written: readdirSync(home) });
    });
  });
};

test('without root the demonstration relays ICMP, UDP and HTTP in memory, says why, and writes nothing', async (t) => {
  const { code, stdout, stderr, written } = await demonstrate(t);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.deepEqual(written, []);
  assert.match(
    stdout,
    isRoot && !asNobody ? /--memory asks for this/ : /Not in network namespaces: this user is not root/,
  );
  assert.match(stdout, /With namespaces there would also be TUN devices/);
  assert.match(stdout, /✓ ICMP +the client pings 203\.0\.113\.7: 3 of 3 answered/);
  assert.match(stdout, /✓ UDP .*“You are 198\.51\.100\.10:\d+”/);
  assert.match(stdout, /✓ TCP .*answers 200, “You are 198\.51\.100\.10:\d+”/);
  assert.match(stdout, /^ +tcp +198\.51\.100\.10:\d+ +GET \/ HTTP\/1\.1$/m);
  assert.match(stdout, /^ +udp +10\.99\.0\.2:40001 +198\.51\.100\.10:\d+ +1$/m);
  assert.match(stdout, /anygate_relay_packets_total\{direction="outbound",protocol="tcp"\} +\d/);
  assert.ok(!stdout.includes('\x1b'), 'there is no colour where no terminal is');
  for (const line of stdout.split('\n')) assert.ok(line.length <= 140, line);
});

test('--json prints the same as data, and nothing else', async (t) => {
  const { code, stdout, stderr } = await demonstrate(t, '--json');
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout) as Report;
  assert.equal(report.setting, 'memory');
  assert.deepEqual(
    report.steps.map((step) => step.title),
    ['Network', 'Gateway', 'Client', 'ICMP', 'UDP', 'TCP'],
  );
  assert.deepEqual(
    report.seen.map(({ protocol, address }) => `${protocol} ${address}`),
    ['icmp', 'icmp', 'icmp', 'udp', 'tcp'].map((protocol) => `${protocol} 198.51.100.10`),
  );
  assert.deepEqual(report.mappings.map((row) => row.protocol).sort(), ['icmp', 'tcp', 'udp']);
  assert.equal(report.metrics['anygate_relay_packets_total{direction="inbound",protocol="icmp"}'], 3);
});

test('a client that only namespaces could have is refused with the reason', async (t) => {
  const { code, stdout, stderr } = await demonstrate(t, '--client', 'uanytun');
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /uanytun needs a network namespace, and there is none: /);
});
