import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatFindings } from '../../src/cli/doctor.ts';
import { requires } from '../support/requires.ts';

const SCRIPT = `
import { doctorCommand } from '${join(import.meta.dirname, '../../src/cli/doctor.ts')}';
await doctorCommand().parseAsync(process.argv.slice(1), { from: 'user' });`;

const run = (args: readonly string[], prefix: readonly string[] = []) => {
  const argv = [...prefix, process.execPath, '--input-type=module-typescript', '-e', SCRIPT, '--', ...args];
  // An empty directory, so that no configuration is found by chance.
  const cwd = mkdtempSync(join(tmpdir(), 'anygate-doctor-'));
  try {
    return spawnSync(argv[0]!, argv.slice(1), { cwd, encoding: 'utf8', timeout: 20_000 });
  } finally {
    rmSync(cwd, { recursive: true });
  }
};

interface Report {
  readonly status: string;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

test('anygate doctor --json: the exit code says whether a check fails', () => {
  const { status, stdout, stderr } = run(['--json']);
  const report = JSON.parse(stdout) as Report;
  const failed = report.checks.some((check) => check.status === 'fail');
  assert.equal(status, failed ? 3 : 0, stderr);
  assert.equal(report.status, failed ? 'fail' : 'ok');
  assert.equal(new Set(report.checks.map(({ name }) => name)).size, report.checks.length);
});

test('anygate doctor: a configuration that cannot be used is a failure, and the machine is examined all the same', () => {
  const { status, stdout } = run(['--config', './no-such.yaml']);
  assert.equal(status, 3);
  assert.match(stdout, /^FAIL {2}configuration .*no-such\.yaml.*/m);
  assert.match(stdout, /→ anygate check \.\/no-such\.yaml/);
  assert.match(stdout, /^ok {4}node /m);
  assert.match(stdout, /\d+ ok, \d+ warnings, [1-9]\d* failures\n$/);
});

test('anygate doctor: without its capability it fails and says how to grant it', {
  skip: requires({ root: true, commands: ['setpriv'] }),
}, () => {
  const { status, stdout } = run(['--json'], ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all']);
  assert.equal(status, 3);
  const finding = (JSON.parse(stdout) as Report).checks.find(({ name }) => name === 'capabilities');
  assert.match(JSON.stringify(finding), /"fail".*AmbientCapabilities=CAP_NET_ADMIN/);
});

test('anygate doctor: keys in a configuration never show', () => {
  const dir = mkdtempSync(join(tmpdir(), 'anygate-doctor-'));
  const file = join(dir, 'a.yaml');
  try {
    writeFileSync(
      file,
      'clients: [{ mux: 7, passphrase: correct horse battery, addresses: [10.99.0.2/32] }]\nrelay: {}\n',
    );
    const { stdout, stderr } = run(['--config', file]);
    assert.doesNotMatch(stdout + stderr, /horse/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('anygate doctor --help has an example', () => {
  const { status, stdout } = run(['--help']);
  assert.equal(status, 0);
  assert.match(stdout, /Example:\n {2}\$ sudo anygate doctor/);
});

test('findings line up, with the cure below', () => {
  const text = formatFindings([
    { name: 'a', status: 'ok', detail: 'fine' },
    { name: 'longer', status: 'fail', detail: 'broken', cure: 'mend it' },
  ]);
  assert.equal(
    text,
    'ok    a       fine\nFAIL  longer  broken\n              → mend it\n\n1 ok, 0 warnings, 1 failures\n',
  );
});
