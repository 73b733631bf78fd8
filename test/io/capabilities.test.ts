import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';

const MODULE = resolve(import.meta.dirname, '../../src/io/capabilities.ts');
const UNPRIVILEGED = 65534;

test('an unprivileged gateway with CAP_NET_ADMIN by its file hands it on to the commands it starts', {
  skip: requires({ root: true, commands: ['setcap'] }),
}, () => {
  const dir = mkdtempSync(join(tmpdir(), 'anygate-caps-'));
  try {
    chmodSync(dir, 0o755);
    const node = join(dir, 'node');
    copyFileSync(process.execPath, node);
    chmodSync(node, 0o755);
    execFileSync('setcap', ['cap_net_admin+ep', node]);
    const script = `
        const c = await import(${JSON.stringify(MODULE)});
        const { execFileSync } = await import('node:child_process');
        const ambient = () => /CapAmb:\\s*(\\w+)/.exec(execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' }))[1];
        const before = ambient();
        const passed = c.passToChildren(c.Capability.netAdmin);
        console.log(JSON.stringify({ has: c.hasCapability(c.Capability.netAdmin), before, passed, after: ambient() }));`;
    const seen = JSON.parse(
      execFileSync(node, ['--input-type=module', '-e', script], {
        uid: UNPRIVILEGED,
        gid: UNPRIVILEGED,
        encoding: 'utf8',
      }),
    ) as { has: boolean; before: string; passed: boolean; after: string };
    assert.deepEqual(seen, { has: true, before: '0000000000000000', passed: true, after: '0000000000001000' });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
