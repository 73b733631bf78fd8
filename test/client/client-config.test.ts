// The client's configuration file: what it takes, that every problem is named, and that no secret is.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { GatewayError } from '../../src/base/errors.ts';
import { loadClientConfig, parseClientConfig } from '../../src/client/client-config.ts';
import { Role } from '../../src/satp/crypto.ts';

const KEY = '1df371f50fcb694f36fd39d8df01e895';
const SALT = '784b2508f83c01f2be86e077eaaf';
const VALID = {
  gateway: '192.0.2.1:4444',
  mux: 7,
  key: KEY,
  salt: SALT,
  stateDir: 'state',
  device: { address: '10.99.0.2/24' },
};

const parse = (changes: object = {}): ReturnType<typeof parseClientConfig> =>
  parseClientConfig(JSON.stringify({ ...VALID, ...changes }), '/etc/anygate/client.json');

const problemsOf = (text: string): string[] => {
  try {
    parseClientConfig(text, 'client.json');
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === 'ERR_CONFIG');
    return error.message.split('\n');
  }
  return [];
};

test('what is not said has a default', () => {
  const config = parse();
  assert.deepEqual(config.gateway, { address: '192.0.2.1', port: 4444 });
  assert.deepEqual(config.device, { name: 'anygate0', mtu: 1400, cidr: '10.99.0.2/24', address: 0x0a630002 });
  assert.equal(config.stateDir, '/etc/anygate/state');
  assert.equal(config.replayWindow, 1024);
  assert.equal(config.keys.role, Role.right);
  assert.deepEqual([config.keys.kdf, config.keys.cipher, config.keys.tagLength], [128, 128, 10]);
  assert.equal(Buffer.from(config.keys.masterKey).toString('hex'), KEY);
  assert.equal(Buffer.from(config.keys.masterSalt).toString('hex'), SALT);
});

test('a gateway may have an IPv6 address', () => {
  assert.deepEqual(parse({ gateway: '[2001:db8::1]:4444' }).gateway, { address: '2001:db8::1', port: 4444 });
});

test('the key is as long as the key derivation says', () => {
  assert.equal(parse({ kdf: 'aes-ctr-256', key: KEY + KEY }).keys.masterKey.length, 32);
  assert.deepEqual(problemsOf(JSON.stringify({ ...VALID, kdf: 'aes-ctr-256' })), [
    'client.json: key must be 64 hex digits, as kdf says',
  ]);
});

test('every problem is named at once', () => {
  const wrong = {
    ...VALID,
    gateway: 'gw:0',
    mux: 65536,
    sault: '',
    replayWindow: 100,
    device: { adress: '10.99.0.2' },
  };
  assert.deepEqual(problemsOf(JSON.stringify(wrong)), [
    'client.json: gateway must be an address and a port, as 192.0.2.1:4444 or [2001:db8::1]:4444',
    'client.json: mux must be an integer from 0 to 65535',
    'client.json: device.address is missing; it is an address with a prefix length, as 10.99.0.2/24',
    'client.json: sault is unknown; remove it, or correct its spelling',
    'client.json: device.adress is unknown; remove it, or correct its spelling',
    'client.json: replayWindow must be a multiple of 32',
  ]);
});

test('a file that is no JSON object is refused without being quoted', () => {
  for (const text of [`{ "key": "${KEY}" "salt"`, '[]', 'null', '"text"', '']) {
    const problems = problemsOf(text);
    assert.equal(problems.length, 1, text);
    assert.doesNotMatch(problems[0]!, new RegExp(KEY.slice(0, 6)));
  }
});

test('a wrong secret is not quoted', () => {
  const problems = problemsOf(JSON.stringify({ ...VALID, key: `${KEY}zz`, salt: SALT.slice(2) }));
  assert.equal(problems.length, 2);
  for (const problem of problems) assert.doesNotMatch(problem, new RegExp(`${KEY.slice(0, 6)}|${SALT.slice(2, 8)}`));
});

test('a file that others may read is refused', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'anygate-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'client.json');
  writeFileSync(file, JSON.stringify(VALID), { mode: 0o600 });
  assert.equal(loadClientConfig(file).mux, 7);
  chmodSync(file, 0o640);
  assert.throws(() => loadClientConfig(file), /chmod 600/);
  assert.throws(() => loadClientConfig(join(directory, 'absent')), /cannot be read \(ENOENT\)/);
});
