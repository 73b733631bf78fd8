// Starts that cannot succeed: the exit code says who has to act (2 the configuration, 3 the machine), the message says what to
// change, and the host is as before.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { LAUNCHER, writeConfiguration } from './gateway.ts';
import { hostSnapshot } from './host-snapshot.ts';
import { Lab } from './lab.ts';
import type { Outcome } from './processes.ts';
import { agreement, type ConfigPatch, clientOptions, gatewayFiles, startGateway } from './setup.ts';
import { ADDRESS } from './topology.ts';
import { UdpAgent } from './udp-agent.ts';

const COMMANDS = ['ip', 'nft', 'sysctl', 'ss', 'ping', 'mount', 'setpriv', 'uanytun'];
const skip = requires({ root: true, device: '/dev/net/tun', commands: COMMANDS });

suite('starts that cannot succeed', { skip }, () => {
  const alice = agreement({ name: 'alice', box: 'c1', mux: 7 });
  let lab: Lab;
  let untouched: string;

  before(async () => {
    lab = await Lab.create();
    untouched = await hostSnapshot(lab);
  });
  after(() => lab?.[Symbol.asyncDispose]());

  interface Case {
    readonly patch?: ConfigPatch;
    /** The whole text of the configuration instead. */
    readonly yaml?: string;
    /** What stands before the launcher on the command line. */
    readonly wrap?: readonly string[];
    readonly env?: Record<string, string>;
  }

  const serve = ({ patch, yaml, wrap = [], env }: Case): Promise<Outcome> => {
    const { yaml: whole, files } = gatewayFiles(lab, [alice], patch);
    const config = writeConfiguration(lab, yaml ?? whole, files, 'failing');
    return lab.exec('gw', [...wrap, LAUNCHER, 'serve', '--config', config], { timeout: 10_000, ...(env && { env }) });
  };

  /** Holds that the start ends with `code` and says all `words`, and that the host is as before. */
  const fails = async (code: number, words: readonly RegExp[], input: Case): Promise<void> => {
    const snapshot = await hostSnapshot(lab);
    const outcome = await serve(input);
    const said = outcome.stdout + outcome.stderr;
    assert.equal(outcome.code, code, said);
    for (const word of words) assert.match(said, word);
    assert.doesNotMatch(said, /^\s+at .*:\d+:\d+\)?$/m, 'no stack trace for what is not a bug');
    assert.ok(!said.includes(alice.passphrase!), 'no secret');
    assert.equal(await hostSnapshot(lab), snapshot);
  };

  test('no such file', async () => {
    const outcome = await lab.exec('gw', [LAUNCHER, 'serve', '--config', join(lab.dir, 'absent.yaml')]);
    assert.equal(outcome.code, 2);
    assert.match(outcome.stdout + outcome.stderr, /absent\.yaml.*no such file/s);
  });

  test('an unknown option', async () => {
    const outcome = await lab.exec('gw', [LAUNCHER, 'serve', '--conf', 'x']);
    assert.equal(outcome.code, 2);
    assert.match(outcome.stdout + outcome.stderr, /--conf\b/);
  });

  test('a file that is not YAML', async () => {
    await fails(2, [/anygate\.yaml:[23]: /], { yaml: 'node:\n  name: [gw1\nclients: }\n' });
  });

  test('several mistakes at once, each with its key and line, an unknown key with the nearest known', async () => {
    const yaml = `nod: { name: gw1 }
clients:
  - { name: alice, mux: 70000, passphraseFile: keys/alice, addresses: [10.99.0.2/32] }
  - { name: alice, mux: 8, cipher: aes-512, addresses: [10.99.0.300/32] }
relay:
  pool: [198.51.100.10]
  timeouts: { udp: 5 parsecs }
http: { listen: nowhere }
`;
    await fails(
      2,
      [
        /:1\b.*nod\b.*node/,
        /:3\b.*mux/,
        /:4\b.*cipher/,
        /:4: clients\[1\]\.addresses\[0\]/,
        /:7\b.*udp/,
        /:8\b.*http\.listen/,
      ],
      { yaml },
    );
  });

  const clientsWith = (...entries: object[]): ConfigPatch => ({ clients: entries });
  const entry = { name: 'alice', mux: 7, passphraseFile: 'keys/alice', addresses: ['10.99.0.2/32'] };
  const REFUSED: readonly (readonly [string, ConfigPatch, RegExp])[] = [
    ['one mux twice', clientsWith(entry, { ...entry, name: 'b', addresses: ['10.99.0.3/32'] }), /mux.*7/],
    ['one key on two muxes', clientsWith(entry, { ...entry, name: 'b', mux: 8, addresses: ['10.99.0.3/32'] }), /key/],
    ['a null cipher', clientsWith({ ...entry, cipher: 'null' }), /allowInsecure/],
    ['no key at all', clientsWith({ ...entry, passphraseFile: undefined }), /passphraseFile/],
    [
      'a key file that is not there',
      clientsWith({ ...entry, passphraseFile: 'keys/nobody' }),
      /passphraseFile: no such file/,
    ],
    ['a mapping behavior that comes later', { relay: { mapping: 'address-dependent' } }, /mapping/],
    ['rules, which come later', { policy: { rules: [{ action: 'deny' }] } }, /policy\.rules/],
  ];
  for (const [what, patch, words] of REFUSED) {
    test(`a configuration with ${what}`, () => fails(2, [words], { patch }));
  }

  test('an override in the environment that cannot be', async () => {
    await fails(2, [/ANYGATE_HTTP__LISTEN/], { env: { ANYGATE_HTTP__LISTEN: 'nowhere' } });
  });

  test('the SATP port in use', async () => {
    const other = await UdpAgent.start(lab, 'gw', { port: 4444 });
    await fails(3, [/0\.0\.0\.0:4444/, /in use|EADDRINUSE/, /ss -/], {});
    await other.stop();
  });

  test('an address to listen on that is not this host’s', async () => {
    await fails(3, [/203\.0\.113\.99:4444/], { patch: { satp: { listen: ['203.0.113.99:4444'] } } });
  });

  test('the HTTP port in use', async () => {
    const other = lab.spawn('gw', ['nc', '-l', '127.0.0.1', '9464']);
    await lab.listening('gw', 'tcp', 9464);
    await fails(3, [/127\.0\.0\.1:9464/, /http\.listen|in use/], {});
    await other.stop();
  });

  test('no /dev/net/tun', async () => {
    const wrap = ['sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh'];
    await fails(3, [/\/dev\/net\/tun/, /modprobe tun|--device/], { wrap });
  });

  test('no CAP_NET_ADMIN', async () => {
    await fails(3, [/CAP_NET_ADMIN/], { wrap: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] });
  });

  test('a state directory that cannot be', async () => {
    const file = join(lab.dir, 'a-file');
    writeFileSync(file, '');
    await fails(3, [/a-file/, /node\.stateDir/], { patch: { node: { stateDir: join(file, 'state') } } });
  });

  test('a state directory that cannot be written', async () => {
    const stateDir = join(lab.dir, 'read-only');
    await lab.run('gw', ['mkdir', stateDir]);
    const wrap = ['sh', '-c', 'mount -t tmpfs -o ro none "$0" && exec "$@"', stateDir];
    await fails(3, [/read-only/, /node\.stateDir/], { patch: { node: { stateDir } }, wrap });
  });

  test('a pool that is the host’s own with egress: routed, or another’s with egress: shared', async () => {
    await fails(3, [/relay\.pool/, /egress/], { patch: { relay: { pool: [ADDRESS.gw] } } });
    await fails(3, [/relay\.pool/, /egress/], { patch: { relay: { egress: 'shared', ports: '50000-50999' } } });
  });

  test('a device of that name that is something else', async () => {
    await lab.run('gw', ['ip', 'link', 'add', 'anygate0', 'type', 'veth', 'peer', 'name', 'other']);
    await fails(3, [/anygate0/], {});
    await lab.run('gw', ['ip', 'link', 'del', 'anygate0']);
  });

  test('a route in the way: what was set up before it is put back', async () => {
    await lab.run('gw', ['ip', 'route', 'add', '198.51.100.16/29', 'dev', 'lo']);
    await fails(3, [/198\.51\.100\.16\/29/, /File exists|exists/], {});
    await lab.run('gw', ['ip', 'route', 'del', '198.51.100.16/29', 'dev', 'lo']);
  });

  test('a second gateway beside a running one: refused, and the first relays on', async () => {
    const first = await startGateway(lab, [alice]);
    await lab.startClient(clientOptions(alice));
    assert.ok(await lab.ping('c1', ADDRESS.r1), first.log());
    await fails(3, [/another gateway/, /stateDir/], {});
    const elsewhere = { node: { stateDir: join(lab.dir, 'state-2') }, http: { listen: '127.0.0.1:9465' } };
    await fails(3, [/4444/], { patch: elsewhere });
    await fails(3, [/anygate0/], { patch: { ...elsewhere, satp: { listen: ['0.0.0.0:4445'] } } });
    const pool = { ...elsewhere, satp: { listen: ['0.0.0.0:4445'] }, relay: { device: { name: 'anygate1' } } };
    await fails(3, [/198\.51\.100/], { patch: pool });
    assert.ok(await lab.ping('c1', ADDRESS.r1, { count: 5 }));
    await first.stop();
  });

  test('after all these failures the host is as it was in the beginning', async () => {
    assert.equal(await hostSnapshot(lab), untouched);
  });
});
