// What `anygate init` writes and prints, taken at its word: the configuration relays, and the printed lines connect real daemons.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { Lab } from './lab.ts';
import { eventually } from './processes.ts';
import { ADDRESS, INNER } from './topology.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/anygate');
const skip = requires({
  root: true,
  device: '/dev/net/tun',
  commands: ['ip', 'nft', 'sysctl', 'ss', 'ping', 'curl', 'sed', 'ps', 'anytun', 'uanytun'],
});

for (const daemon of ['uanytun', 'anytun'] as const) {
  test(`the printed ${daemon} line connects to the gateway that init configured`, { skip }, async () => {
    await using lab = await Lab.create();
    const made = join(lab.dir, 'made');
    const options = ['--config', join(made, 'anygate.yaml'), '--server', ADDRESS.gw, '--kdf', 'aes-ctr-256', '--json'];
    const done = JSON.parse(await lab.run('gw', [LAUNCHER, 'init', ...options, '--pool', '198.51.100.16/29']));
    const yaml = `${readFileSync(done.config, 'utf8')}\nnode: { stateDir: ${join(lab.dir, 'state')} }\n`;
    const gateway = await lab.startGateway(yaml, { files: { 'keys/alice': readFileSync(done.keyFile, 'utf8') } });

    const client = join(lab.dir, 'client');
    mkdirSync(client, { mode: 0o700 });
    copyFileSync(done.keyFile, join(client, 'alice'));
    await lab.run('c1', ['sh', '-c', `cd ${client} && ${done.commands[daemon]}`]);
    const device = 'anygate0';
    await eventually(`${daemon} has made its device`, async () => {
      const { code } = await lab.exec('c1', ['ip', 'link', 'show', device]);
      return code === 0;
    });
    for (const line of done.commands.device) await lab.run('c1', ['sh', '-c', line]);
    assert.ok(await lab.ping('c1', INNER.gw, { count: 3 }), gateway.log());
    assert.ok(await lab.ping('c1', INNER.gw, { count: 2, size: 1372 }), 'whole packets of the MTU');
    const { stdout } = await lab.exec('c1', ['ps', '-eo', 'args']);
    const key = /^key: (\S+)/.exec(readFileSync(done.keyFile, 'utf8'))![1]!;
    assert.ok(!stdout.includes(key), 'the key is not in the process list');
    // States are counted once a second.
    await eventually('status shows the client', async () => {
      const status = await lab.run('gw', [LAUNCHER, 'status', '--config', gateway.config]);
      return /ready[\s\S]*1 connected, 0 unproven, 0 unheard/.test(status);
    });
    assert.equal(
      await lab.run('gw', [LAUNCHER, 'reload', '--config', gateway.config]),
      'the configuration is in force\n',
    );
    await gateway.stop();
  });
}
