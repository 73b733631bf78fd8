import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ClientConfig, examineText } from '../../src/control/config.ts';
import { KEY, RELAY, SALT, told } from './configs.ts';

const directory = mkdtempSync(join(tmpdir(), 'anygate-keys-'));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'anygate.yaml');
mkdirSync(join(directory, 'keys'));
const put = (name: string, text: string | Uint8Array, mode = 0o600): string => {
  writeFileSync(join(directory, name), text);
  chmodSync(join(directory, name), mode);
  return name;
};

const yaml = (...clients: string[]): string =>
  `clients:\n${clients.map((fields, i) => `  - { name: c${i}, mux: ${i}, addresses: [10.99.1.${i}/32], ${fields} }\n`).join('')}${RELAY}`;
const examine = (...clients: string[]) => examineText(yaml(...clients), file);
const hex = (secret: ClientConfig['masterKey']): string => Buffer.from(secret.reveal()).toString('hex');
const keysOf = (fields: string): [string, string] => {
  const { config, problems } = examine(fields);
  assert.ok(config, told(problems));
  return [hex(config.clients[0]!.masterKey), hex(config.clients[0]!.masterSalt)];
};
const problemsOf = (...clients: string[]): string => {
  const { config, problems } = examine(...clients);
  assert.equal(config, undefined, 'it was accepted');
  return told(problems);
};
const warningsOf = (...clients: string[]): string => {
  const { config, problems } = examine(...clients);
  assert.ok(config, told(problems));
  return told(problems);
};

// The worked example of the SATP specification: what the daemons derive.
const PASSPHRASE = 'Creating_VPN_Tunnels_With_Anytun_Is_Easy';
const DERIVED = ['1df371f50fcb694f36fd39d8df01e895', '784b2508f83c01f2be86e077eaaf'];

test('a passphrase gives the key and salt that the daemons derive, for each length', () => {
  assert.deepEqual(keysOf(`passphrase: ${PASSPHRASE}`), DERIVED);
  assert.equal(
    keysOf(`passphrase: ${PASSPHRASE}, kdf: aes-ctr-256`)[0],
    '518246f89a8b202c961e5fa471b970171df371f50fcb694f36fd39d8df01e895',
  );
  assert.equal(
    keysOf(`passphrase: ${PASSPHRASE}, kdf: aes-ctr-192`)[0],
    '961e5fa471b970171df371f50fcb694f36fd39d8df01e895',
  );
  assert.deepEqual(keysOf(`passphrase: ${PASSPHRASE}, kdf: aes-ctr`), DERIVED);
});

test('a passphrase file is its first line without the end of it, octet by octet', () => {
  for (const [name, text] of [
    ['lf', `${PASSPHRASE}\nmore\n`],
    ['crlf', `${PASSPHRASE}\r\n`],
    ['bare', PASSPHRASE],
  ] as const)
    assert.deepEqual(keysOf(`passphraseFile: ${put(name, text)}`), DERIVED, name);
  const blanks = keysOf(`passphraseFile: ${put('blanks', ` ${PASSPHRASE} \n`)}`);
  assert.notDeepEqual(blanks, DERIVED);
  const latin1 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(PASSPHRASE)]);
  assert.notDeepEqual(
    keysOf(`passphraseFile: ${put('octets', latin1)}`),
    keysOf(`passphraseFile: ${put('utf8', latin1.toString('utf8'))}`),
  );
});

test('paths are relative to the configuration, and may be absolute', () => {
  put('keys/alice', `${PASSPHRASE}\n`);
  assert.deepEqual(keysOf('passphraseFile: keys/alice'), DERIVED);
  assert.deepEqual(keysOf(`passphraseFile: ${join(directory, 'keys/alice')}`), DERIVED);
});

test('key and salt are taken each on its own, and the passphrase fills in for the other', () => {
  assert.deepEqual(keysOf(`key: ${KEY}, salt: ${SALT}`), [KEY, SALT]);
  assert.deepEqual(keysOf(`key: ${KEY.toUpperCase()}, passphrase: ${PASSPHRASE}`), [KEY, DERIVED[1]]);
  assert.deepEqual(keysOf(`salt: ${SALT}, passphrase: ${PASSPHRASE}`), [DERIVED[0], SALT]);
  assert.match(
    warningsOf(`key: ${KEY}, salt: ${SALT}, passphrase: ${PASSPHRASE}`),
    /warning clients\[0\]\.passphrase: is not used/,
  );
});

test('hex that looks like a number is still hex', () => {
  const digits = '01234567890123456789012345678901';
  assert.deepEqual(keysOf(`key: ${digits}, salt: 0000000000000000000000000001`), [
    digits,
    '0000000000000000000000000001',
  ]);
  assert.deepEqual(
    keysOf(`key: 1234567890123456789012345678e123, salt: ${SALT}`)[0],
    '1234567890123456789012345678e123',
  );
});

test('a key file has named lines or bare hex, and comments', () => {
  for (const text of [
    `key: ${KEY}\nsalt: ${SALT}\n`,
    `# made by hand\n\nSALT=${SALT}\r\nkey = ${KEY}`,
    `${KEY}\n${SALT}\n`,
    `${KEY} ${SALT}`,
  ])
    assert.deepEqual(keysOf(`keyFile: ${put('keyfile', text)}`), [KEY, SALT], text);
  assert.deepEqual(keysOf(`keyFile: ${put('keyfile', KEY)}, salt: ${SALT}`), [KEY, SALT]);
  assert.deepEqual(keysOf(`keyFile: ${put('keyfile', `salt: ${SALT}`)}, passphrase: ${PASSPHRASE}`), [
    DERIVED[0],
    SALT,
  ]);
  for (const [text, message] of [
    ['', /neither a key nor a salt/],
    [`key: ${KEY}\nkey: ${KEY}\n`, /line 2 gives a second key/],
    [`key: ${KEY}\ncanary words\n`, /line 2 is neither/],
    [`${KEY} ${SALT} ${SALT}`, /more hex/],
  ] as const) {
    const told = problemsOf(`keyFile: ${put('keyfile', text)}`);
    assert.match(told, message);
    assert.doesNotMatch(told, /canary/);
  }
});

test('combinations that cannot be meant are refused', () => {
  assert.match(problemsOf('cipher: aes-ctr-128'), /error clients\[0\]: has no key; add keyFile/);
  assert.match(problemsOf(`key: ${KEY}`), /clients\[0\]\.key: a key needs a salt too/);
  assert.match(problemsOf(`salt: ${SALT}`), /clients\[0\]\.salt: a salt alone is no key/);
  const both = `passphrase: ${PASSPHRASE}, passphraseFile: ${put('p', PASSPHRASE)}`;
  assert.match(problemsOf(both), /passphraseFile: give either passphrase or passphraseFile/);
  const twice = `key: ${KEY}, salt: ${SALT}, keyFile: ${put('k', `key: ${KEY}`)}`;
  assert.match(problemsOf(twice), /clients\[0\]\.key: the key file has a key too/);
  assert.match(problemsOf("passphrase: ''"), /the passphrase is empty/);
  assert.match(problemsOf(`passphraseFile: ${put('empty', '\nx')}`), /the passphrase is empty/);
});

test('a wrong key length names the right one', () => {
  assert.match(
    problemsOf(`key: ${KEY.slice(2)}, salt: ${SALT}`),
    /key for kdf aes-ctr-128 must have 32 hex digits, but has 30/,
  );
  assert.match(problemsOf(`key: ${KEY}, salt: ${SALT}, kdf: aes-ctr-256`), /must have 64 hex digits, but has 32/);
  assert.match(problemsOf(`key: ${KEY}, salt: ${SALT}00`), /salt must have 28 hex digits, but has 30/);
  assert.match(problemsOf(`key: ${KEY.slice(1)}g, salt: ${SALT}`), /no hex digit/);
});

test('files that cannot be had are named by key and line, not by what stands there', () => {
  for (const [fields, message] of [
    ['keyFile: canary/none', /no such file; a relative path starts at/],
    ['keyFile: keys', /is not a regular file/],
    ["passphraseFile: ''", /must name a file/],
    [`keyFile: ${put('large', 'x'.repeat(70_000))}`, /larger than 64 KiB/],
  ] as const) {
    const told = problemsOf(fields);
    assert.match(told, message);
    assert.doesNotMatch(told, /canary/);
  }
});

test('a secret that every user may read is warned of', () => {
  assert.match(
    warningsOf(`keyFile: ${put('open', `${KEY} ${SALT}`, 0o644)}`),
    /warning clients\[0\]\.keyFile: every user/,
  );
  assert.equal(warningsOf(`keyFile: ${put('group', `${KEY} ${SALT}`, 0o640)}`), '');
});

test('a short passphrase is warned of', () => {
  assert.match(warningsOf("passphrase: '29 characters are not enough.'"), /warning clients\[0\]\.passphrase: .*keygen/);
  assert.equal(warningsOf("passphrase: '30 characters will be enough..'"), '');
});

const INSECURE = [
  ['cipher', `cipher: null, key: ${KEY}, salt: ${SALT}`],
  ['auth', `auth: null, key: ${KEY}, salt: ${SALT}`],
  ['kdf', 'kdf: null'],
  ['authTagLength', `authTagLength: 7, key: ${KEY}, salt: ${SALT}`],
  ['key', `key: ${'0'.repeat(32)}, salt: ${SALT}`],
] as const;

test('what lets others read or forge is refused unless allowInsecure says so', () => {
  for (const [key, fields] of INSECURE) {
    assert.match(problemsOf(fields), new RegExp(`error clients\\[0\\]\\.${key}: .*allowInsecure: true`), key);
    assert.match(warningsOf(`${fields}, allowInsecure: true`), new RegExp(`warning clients\\[0\\]\\.${key}: `), key);
  }
  assert.doesNotMatch(warningsOf(`authTagLength: 8, key: ${KEY}, salt: ${SALT}`), /authTagLength/);
});

test('null algorithms may be written as YAML writes null, but not left empty', () => {
  for (const word of ['null', '"null"'])
    assert.equal(examine(`kdf: ${word}, allowInsecure: true`).config?.clients[0]?.kdf, 0, word);
  assert.match(problemsOf('kdf: , allowInsecure: true'), /kdf: must be one of .* but is empty/);
});

test('without key derivation no key is needed, and none is used', () => {
  const { config } = examine('kdf: null, allowInsecure: true');
  assert.deepEqual([config?.clients[0]?.masterKey.length, config?.clients[0]?.masterSalt.length], [0, 14]);
  assert.match(warningsOf(`kdf: null, allowInsecure: true, key: ${KEY}`), /warning clients\[0\]\.key: is not used/);
});

test('null cipher and null auth together do without key derivation, as in the daemons', () => {
  const { config } = examine('cipher: null, auth: null, allowInsecure: true');
  assert.deepEqual([config?.clients[0]?.kdf, config?.clients[0]?.authTagLength], [0, 0]);
});

test('one key on two muxes is refused, however it came about, unless both allow it', () => {
  const same = `key: ${KEY}, salt: ${SALT}`;
  assert.match(problemsOf(same, same), /error clients\[1\]: c1 has the same key as c0/);
  assert.match(problemsOf(`passphrase: ${PASSPHRASE}`, `passphrase: ${PASSPHRASE}, kdf: aes-ctr-256`), /same key/);
  assert.match(problemsOf(`passphrase: ${PASSPHRASE}`, `key: ${DERIVED[0]}, salt: ${SALT}`), /same key/);
  assert.match(problemsOf(same, `${same}, allowInsecure: true`), /same key/);
  assert.match(
    warningsOf(`${same}, allowInsecure: true`, `${same}, allowInsecure: true`),
    /warning clients\[1\]: .*same key/,
  );
  assert.doesNotMatch(warningsOf('kdf: null, allowInsecure: true', 'kdf: null, allowInsecure: true'), /same key/);
});
