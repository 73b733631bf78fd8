// Canaries: secrets that are easy to recognise, put wherever a secret can stand, and then looked for wherever text comes out.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { examineText, loadConfig, summarize } from '../../src/control/config.ts';
import { createLogger } from '../../src/control/log.ts';
import { Secret } from '../../src/control/secret.ts';
import { RELAY } from './configs.ts';

const directory = mkdtempSync(join(tmpdir(), 'anygate-secrets-'));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'anygate.yaml');

const KEY = 'ca9a47ca9a47ca9a47ca9a47ca9a4701';
const SALT = 'ca9a47ca9a47ca9a47ca9a47ca9a';
const WORDS = 'canary-canary-canary-canary-canary';
const TOKEN = 'canary-token-canary-token';
/** Any of them, in hex, in text, as octets in decimal as arrays print, and in base64. */
const CANARY = /canary|ca9a47|202,\s*154,\s*71|99,\s*97,\s*110,\s*97|yppHyppH|Y2FuYXJ5/i;

writeFileSync(join(directory, 'token'), `${TOKEN}\n`, { mode: 0o600 });
writeFileSync(join(directory, 'passphrase'), `${WORDS}\n`, { mode: 0o600 });
writeFileSync(
  file,
  `clients:
  - { name: a, mux: 1, key: ${KEY}, salt: ${SALT}, addresses: [10.99.0.2] }
  - { name: b, mux: 2, passphraseFile: passphrase, addresses: [10.99.0.3] }
  - { name: c, mux: 3, passphrase: ${WORDS}-too, addresses: [10.99.0.4] }
http: { listen: "0.0.0.0:9464", tokenFile: token }
${RELAY}`,
  { mode: 0o600 },
);

test('a configuration shows its secrets in no form of output', () => {
  const { config, warnings } = loadConfig(file, {});
  assert.equal(Buffer.from(config.clients[0]!.masterKey.reveal()).toString('hex'), KEY, 'the secret itself is there');
  for (const text of [
    JSON.stringify(config),
    JSON.stringify(warnings),
    inspect(config, { depth: 20, showHidden: true, maxArrayLength: null }),
    String(config.clients[0]!.masterKey),
    `${config.http.token}`,
    JSON.stringify(Object.entries(config.clients[0]!.masterKey)),
    JSON.stringify(structuredClone({ ...config.clients[0]!.masterKey })),
  ])
    assert.doesNotMatch(text, CANARY);
});

test('a log line shows no secret, whether it is wrapped or somebody logs what was read', () => {
  const lines: string[] = [];
  const log = createLogger('info', 'gw1', { write: (line) => void lines.push(line) });
  const { config } = loadConfig(file, {});
  log.info({ config, client: config.clients[0], secret: config.http.token }, 'started');
  log.info({ client: { key: KEY, salt: SALT, passphrase: WORDS } });
  log.info({
    passphrase: WORDS,
    headers: { authorization: `Bearer ${TOKEN}` },
    req: { headers: { authorization: TOKEN } },
  });
  log.info({ config: { clients: [{ key: KEY, name: 'a' }] } });
  assert.equal(lines.length, 4);
  assert.doesNotMatch(lines.join(''), CANARY);
  assert.match(lines[0]!, /"level":"info".*"node":"gw1".*"msg":"started"/);
});

test('no problem quotes what stands where a secret belongs', () => {
  const spoilt = [
    `key: ${KEY}00, salt: ${SALT}00`,
    `key: ${KEY.slice(2)}zz, salt: ${SALT}`,
    `key: [${KEY}], salt: { x: ${SALT} }`,
    `passphrase: [${WORDS}]`,
    `passphrase: ${WORDS}, passphraseFile: ${WORDS}`,
    `passphraseFile: ${WORDS}`,
    `keyFile: ${KEY}`,
    `keyFile: [${KEY}]`,
    `passphrase:${WORDS}`,
    `key:${KEY}`,
    `${KEY}: x`,
    `passphrase: *${WORDS}`,
    `passphrase: !${WORDS} x`,
    `passphrase: "\\${WORDS}"`,
    `passphrase: "${WORDS}`,
    `passphrase: @${WORDS}`,
    `passphrase: { ${WORDS} }`,
    `passphrase: ${WORDS}, passphrase: ${WORDS}`,
    `key: ${'0'.repeat(32)}, salt: ${SALT}`,
  ];
  for (const fields of spoilt) {
    const { config, problems } = examineText(
      `clients:\n  - { name: x, mux: 1, addresses: [10.99.0.2], ${fields} }\n${RELAY}`,
      file,
    );
    assert.equal(config, undefined, fields);
    const text = summarize(file, problems) + JSON.stringify(problems);
    assert.doesNotMatch(text.replaceAll(/passphrase:canary…/g, ''), CANARY, fields);
  }
});

test('a token that is too short, or none, is refused without being quoted', () => {
  for (const text of ['canary', 'canary canary canary', '']) {
    writeFileSync(join(directory, 'bad-token'), text);
    const { problems } = examineText(`http: { tokenFile: bad-token }\n${RELAY}clients: []`, file);
    const told = summarize(file, problems);
    assert.match(told, /http\.tokenFile: its first line must be a token/);
    assert.doesNotMatch(told, CANARY);
  }
});

test('a secret keeps a copy and gives copies', () => {
  const octets = Uint8Array.of(1, 2, 3);
  const secret = new Secret(octets);
  octets[0] = 9;
  secret.reveal()[1] = 9;
  assert.deepEqual([...secret.reveal()], [1, 2, 3]);
  assert.equal(secret.isZero, false);
  assert.equal(new Secret(new Uint8Array(4)).isZero, true);
});
