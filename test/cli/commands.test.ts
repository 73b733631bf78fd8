import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { GatewayError } from '../../src/base/errors.ts';
import { clientCommands, connectConfig, quote } from '../../src/cli/client-commands.ts';
import { generatePassphrase } from '../../src/cli/keygen.ts';
import { writePrivateFile } from '../../src/cli/private-file.ts';
import { commandNames } from '../../src/cli/program.ts';
import { parseClientConfig } from '../../src/client/client-config.ts';
import { examineFile } from '../../src/control/config.ts';
import { startHttp } from '../../src/control/http.ts';
import { parseKeyFile } from '../../src/control/key-file.ts';
import { parseHttpListen } from '../../src/control/listen-address.ts';
import { accept, COMPLETE, MINIMAL } from '../control/configs.ts';
import { FakeGateway } from '../control/fake-gateway.ts';
import { CommandLine, type Outcome } from './run.ts';

const base = mkdtempSync(join(tmpdir(), 'anygate-cli-'));
const commandLine = new CommandLine();
after(() => {
  commandLine.close();
  rmSync(base, { recursive: true });
});
const anygate = (cwd: string, args: readonly string[], env?: Record<string, string>): Promise<Outcome> =>
  commandLine.run(cwd, args, env);
let directories = 0;
const emptyDirectory = (): string => {
  const directory = join(base, `${directories++} with blank`);
  mkdirSync(directory);
  return directory;
};

test('init writes what check accepts, with a fresh key that only its owner may read', async () => {
  const cwd = emptyDirectory();
  const { code, stdout, stderr } = await anygate(cwd, ['init', '--server', '192.0.2.1', '--json']);
  assert.equal(code, 0, stderr);
  const done = JSON.parse(stdout);
  assert.equal(statSync(join(cwd, 'keys')).mode & 0o777, 0o700);
  for (const name of ['keys/alice', 'keys/alice.json'])
    assert.equal(statSync(join(cwd, name)).mode & 0o777, 0o600, name);
  const { config, problems } = examineFile(join(cwd, 'anygate.yaml'), {});
  assert.deepEqual(problems, []);
  const key = Buffer.from(config!.clients[0]!.masterKey.reveal()).toString('hex');
  assert.ok(!stdout.includes(key), 'the key itself is not printed');
  assert.match(done.commands.uanytun, /^uanytun -r 192\.0\.2\.1 -o 4444 .* -K "\$\(sed/);
  const again = await anygate(cwd, ['init']);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /anygate\.yaml exists; --force replaces it/);
  assert.match(readFileSync(join(cwd, 'keys/alice'), 'utf8'), new RegExp(key), 'nothing was touched');
  const forced = await anygate(cwd, [
    'init',
    '--force',
    '--kdf',
    'aes-ctr-256',
    '--pool',
    '198.51.100.0/29',
    '--egress',
    'shared',
  ]);
  assert.equal(forced.code, 0, forced.stderr);
  const after = examineFile(join(cwd, 'anygate.yaml'), {});
  assert.deepEqual(after.problems, []);
  assert.notEqual(Buffer.from(after.config!.clients[0]!.masterKey.reveal()).toString('hex'), key);
  assert.deepEqual([after.config!.clients[0]!.kdf, after.config!.relay.egress], [256, 'shared']);
});

test('init with options that make no configuration writes nothing', async () => {
  for (const options of [
    ['--client', '../../evil'],
    ['--mux', '65536'],
    ['--mux', 'x'],
    ['--pool', 'example.com'],
  ]) {
    const cwd = emptyDirectory();
    const { code, stderr } = await anygate(cwd, ['init', ...options]);
    assert.equal(code, 2, options.join(' '));
    assert.match(stderr, /ERR_USAGE/);
    assert.ok(!existsSync(join(cwd, 'anygate.yaml')) && !existsSync(join(cwd, 'keys')));
  }
});

test('check exits 0 for a usable file, 2 for another, and tells every problem', async () => {
  const cwd = emptyDirectory();
  writeFileSync(join(cwd, 'anygate.yaml'), MINIMAL);
  const good = await anygate(cwd, ['check']);
  assert.equal(good.code, 0);
  assert.match(good.stdout, /anygate\.yaml: ok, 1 client, 1 external address, egress routed\n$/);
  writeFileSync(join(cwd, 'bad.yaml'), `${MINIMAL}log: { levle: info }\nworkers: 9\n`);
  const bad = await anygate(cwd, ['check', 'bad.yaml']);
  assert.equal(bad.code, 2);
  assert.match(bad.stdout, /^bad\.yaml:3: log\.levle: unknown key; the nearest known key is level$/m);
  assert.match(bad.stdout, /^bad\.yaml:4: workers: /m);
  assert.match(bad.stdout, /^bad\.yaml: 2 errors$/m);
  const json = await anygate(cwd, ['check', '--json', 'bad.yaml'], { ANYGATE_LOG__LEVEL: 'loud' });
  assert.equal(json.code, 2);
  const report = JSON.parse(json.stdout);
  assert.deepEqual([report.ok, report.errors], [false, 3]);
  assert.equal((await anygate(cwd, ['check', 'absent.yaml'])).code, 2);
});

test('keygen prints or writes a fresh key, or a passphrase', async () => {
  const cwd = emptyDirectory();
  const printed = await anygate(cwd, ['keygen', '--kdf', 'aes-ctr-192']);
  const parsed = parseKeyFile(printed.stdout);
  assert.ok(typeof parsed !== 'string');
  assert.deepEqual([parsed.key?.length, parsed.salt?.length], [48, 28]);
  const other = JSON.parse((await anygate(cwd, ['keygen', '--json'])).stdout);
  assert.equal(other.key.length, 32);
  const written = await anygate(cwd, ['keygen', '--passphrase', '--out', 'keys/p']);
  assert.deepEqual([written.code, written.stdout], [0, 'wrote keys/p\n']);
  assert.match(readFileSync(join(cwd, 'keys/p'), 'utf8'), /^[\w-]{32}\n$/);
  assert.equal(statSync(join(cwd, 'keys/p')).mode & 0o777, 0o600);
  assert.equal((await anygate(cwd, ['keygen', '--out', 'keys/p'])).code, 2);
  assert.equal((await anygate(cwd, ['keygen', '--out', 'keys/p/q'])).code, 3);
});

test('mistakes on the command line are exit 2 with a suggestion, and help is exit 0 with an example', async () => {
  const cwd = emptyDirectory();
  const typo = await anygate(cwd, ['relod']);
  assert.equal(typo.code, 2);
  assert.match(typo.stderr, /unknown command 'relod'[\s\S]*reload[\s\S]*ERR_USAGE/);
  assert.equal((await anygate(cwd, ['check', '--nope'])).code, 2);
  assert.equal((await anygate(cwd, ['keygen', '--kdf', 'rot13'])).code, 2);
  const none = await anygate(cwd, []);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /Usage: anygate[\s\S]*healthcheck[\s\S]*name a command/);
  assert.match((await anygate(cwd, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  for (const command of commandNames) {
    const { code, stdout } = await anygate(cwd, [command, '--help']);
    assert.equal(code, 0, command);
    assert.match(stdout, /Example/, `${command} --help has an example`);
  }
});

test('status, healthcheck and reload talk to the gateway of the configuration', async () => {
  const cwd = emptyDirectory();
  const gateway = new FakeGateway();
  const listen = parseHttpListen(`unix:${join(base, 'http.sock')}`);
  assert.ok(typeof listen !== 'string');
  const server = await startHttp(gateway, { listen }, pino({ level: 'silent' }));
  // The rest of the file may be wrong, and its keys out of reach.
  writeFileSync(join(cwd, 'anygate.yaml'), `http: { listen: "${server.address}" }\nclients: 5\n`);
  const status = await anygate(cwd, ['status']);
  assert.equal(status.code, 0, status.stderr);
  assert.match(status.stdout, /^gw1: ready, up for 1m1s/);
  assert.equal(JSON.parse((await anygate(cwd, ['status', '--json'])).stdout).node, 'gw1');
  assert.deepEqual((await anygate(cwd, ['healthcheck'])).stdout, 'ok\n');
  gateway.failing = ['device'];
  const unready = await anygate(cwd, ['healthcheck']);
  assert.deepEqual([unready.code, unready.stdout], [3, 'unavailable: device (broken <b>)\n']);
  assert.equal((await anygate(cwd, ['healthcheck', '--live'])).code, 0);
  assert.match((await anygate(cwd, ['status'])).stdout, /not ready[\s\S]*failing +device/);
  const reload = await anygate(cwd, ['reload']);
  assert.deepEqual([reload.code, reload.stdout, gateway.reloads], [0, 'the configuration is in force\n', 1]);
  gateway.reloadResult = {
    applied: false,
    code: 'ERR_CONFIG',
    message: 'a problem in the configuration',
    problems: [],
  };
  const refused = await anygate(cwd, ['reload']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /nothing was changed.*a problem in the configuration/);
  gateway.reloadResult = { applied: false, code: 'ERR_HOST_SETUP', message: 'ip failed', problems: [] };
  assert.equal((await anygate(cwd, ['reload'])).code, 3);
  await server.close();
});

test('reset names the client that begins anew, and fails if there is none of that name', async () => {
  const cwd = emptyDirectory();
  const gateway = new FakeGateway();
  const row = { mux: 7, state: 'unheard', endpoint: null, heardSecondsAgo: null, addresses: [] } as const;
  gateway.clientRows.push({ ...row, name: 'alice' });
  const listen = parseHttpListen(`unix:${join(base, 'reset.sock')}`);
  assert.ok(typeof listen !== 'string');
  const server = await startHttp(gateway, { listen }, pino({ level: 'silent' }));
  writeFileSync(join(cwd, 'anygate.yaml'), `http: { listen: "${server.address}" }\n`);
  const done = await anygate(cwd, ['reset', 'alice']);
  assert.deepEqual([done.code, gateway.resets], [0, ['alice']], done.stderr);
  assert.match(done.stdout, /^alice was reset; /);
  assert.deepEqual(JSON.parse((await anygate(cwd, ['reset', 'alice', '--json'])).stdout), { reset: 'alice' });
  for (const name of ['bob', '../../reload', 'a b']) {
    const lost = await anygate(cwd, ['reset', name]);
    assert.equal(lost.code, 2, name);
    assert.match(lost.stderr, /was not reset: there is no client[\s\S]*ERR_USAGE/);
  }
  assert.equal((await anygate(cwd, ['reset'])).code, 2, 'a name is needed');
  gateway.failure = new GatewayError('ERR_SHARD', 'the shard is down; it is being restarted');
  const down = await anygate(cwd, ['reset', 'alice']);
  assert.equal(down.code, 70);
  assert.match(down.stderr, /the shard is down/);
  assert.deepEqual([gateway.resets.length, gateway.reloads], [2, 0]);
  await server.close();
});

test('a token is read from the file that the configuration names', async () => {
  const cwd = emptyDirectory();
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.statusCode = seen.length === 1 ? 200 : 401;
    response.end('{"checks":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  writeFileSync(join(cwd, 'token'), 'canary-token-0123456789\n', { mode: 0o600 });
  writeFileSync(join(cwd, 'anygate.yaml'), `http: { listen: "0.0.0.0:${port}", tokenFile: token }\n`);
  await anygate(cwd, ['healthcheck']);
  assert.deepEqual(seen, ['Bearer canary-token-0123456789']);
  const refused = await anygate(cwd, ['status']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /the token was refused/);
  assert.doesNotMatch(refused.stderr, /canary/);
  server.close();
});

test('where nobody answers, or somebody else does, that is ERR_UNREACHABLE', async () => {
  const cwd = emptyDirectory();
  writeFileSync(join(cwd, 'anygate.yaml'), `http: { listen: "unix:${join(base, 'nobody.sock')}" }\n`);
  for (const command of ['status', 'reload', 'healthcheck']) {
    const { code, stderr } = await anygate(cwd, [command]);
    assert.equal(code, 3, command);
    assert.match(stderr, /ENOENT[\s\S]*ERR_UNREACHABLE: No gateway answers/);
  }
  const server = createServer((_, response) => response.end('<html>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  writeFileSync(join(cwd, 'anygate.yaml'), `http: { listen: "127.0.0.1:${(server.address() as AddressInfo).port}" }\n`);
  const other = await anygate(cwd, ['status']);
  assert.equal(other.code, 3);
  assert.match(other.stderr, /no JSON/);
  server.close();
  const lost = await anygate(cwd, ['status', '--config', 'absent.yaml']);
  assert.equal(lost.code, 2);
  assert.match(lost.stderr, /--config/);
});

test('the daemons’ lines mirror the client', () => {
  const config = accept(COMPLETE);
  const place = { server: '2001:db8::1', port: 4445, keyFile: "it's here", connectFile: 'c.json' };
  const lines = clientCommands(config, config.clients[0]!, place);
  assert.match(lines.anytun, /-r 2001:db8::1 -o 4445 .*-m 7 -e server -c aes-ctr-256 -k aes-ctr-128 -a sha1 -b 12 /);
  assert.ok(lines.anytun.includes(`'it'\\''s here'`));
  assert.deepEqual(lines.device, [
    'ip address add 10.99.0.2 peer 10.99.0.1 dev anygate0',
    'ip link set anygate0 mtu 1300 up',
  ]);
  assert.equal(lines.uanytun, `u${lines.anytun}`);
});

test('our own client takes the configuration that is made for it', () => {
  const config = accept(COMPLETE);
  const [, bob] = config.clients;
  const place = { server: '2001:db8::1', port: 4445, keyFile: 'k', connectFile: 'c.json' };
  const parsed = parseClientConfig(connectConfig(config, bob!, place), '/x/c.json');
  assert.deepEqual(parsed.gateway, { address: '2001:db8::1', port: 4445 });
  assert.deepEqual([parsed.mux, parsed.keys.kdf, parsed.keys.cipher, parsed.keys.tagLength], [65535, 192, 128, 10]);
  assert.deepEqual(parsed.keys.masterKey, bob!.masterKey.reveal());
});

test('a word is quoted for a shell when it needs to be', () => {
  assert.equal(quote('keys/alice.json'), 'keys/alice.json');
  assert.equal(quote('a b'), "'a b'");
  assert.equal(quote('$(x)'), "'$(x)'");
  assert.equal(quote(''), "''");
});

test('a passphrase is never taken for an option', () => {
  for (let i = 0; i < 500; i++) assert.match(generatePassphrase(), /^[A-Za-z0-9_][A-Za-z0-9_-]{31}$/);
});

test('a private file is never open to others, not even while it replaces one that was', () => {
  const file = join(emptyDirectory(), 'secret');
  writeFileSync(file, 'old');
  chmodSync(file, 0o644);
  assert.throws(() => writePrivateFile(file, 'new', { force: false }), { code: 'ERR_USAGE' });
  assert.equal(readFileSync(file, 'utf8'), 'old');
  writePrivateFile(file, 'new', { force: true });
  assert.deepEqual([readFileSync(file, 'utf8'), statSync(file).mode & 0o777], ['new', 0o600]);
});
