import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { GatewayError } from '../../src/base/errors.ts';
import type { AccessRules } from '../../src/control/access.ts';
import { createHttp, startHttp } from '../../src/control/http.ts';
import { parseHttpListen } from '../../src/control/listen-address.ts';
import { Secret } from '../../src/control/secret.ts';
import { FakeGateway } from './fake-gateway.ts';
import { gatewayContract } from './gateway-contract.ts';

const silent = pino({ level: 'silent' });
const directory = mkdtempSync(join(tmpdir(), 'anygate-http-'));
after(() => rmSync(directory, { recursive: true }));

const TOKEN = 'canary-token-0123456789';
const rulesFor = (listen: string, token?: string): AccessRules => {
  const parsed = parseHttpListen(listen);
  assert.ok(typeof parsed !== 'string');
  return { listen: parsed, ...(token === undefined ? {} : { token: new Secret(Buffer.from(token)) }) };
};
const loopback = rulesFor('127.0.0.1:0');
const open = (gateway = new FakeGateway(), rules = loopback) => createHttp(gateway, rules, silent);
const LOCAL = { host: '127.0.0.1:9464' };

const filled = new FakeGateway();
for (let i = 0; i < 3; i++) {
  const mapping = { protocol: 'udp', client: `c${i}`, internal: '10.99.0.2:1', external: '198.51.100.1:2' };
  filled.mappingRows.push({ ...mapping, sessions: 1 });
  filled.sessionRows.push({ ...mapping, remote: '192.0.2.1:53', state: 'active', expiresInSeconds: 9 });
}
gatewayContract('the fake gateway', () => filled);

test('health is 200 while every check passes and 503 when one fails, with all checks in the answer', async () => {
  const gateway = new FakeGateway();
  const app = open(gateway);
  for (const path of ['/readyz', '/healthz']) {
    gateway.failing = [];
    const up = await app.inject({ url: path });
    assert.equal(up.statusCode, 200);
    assert.equal(up.json().status, 'ok');
    gateway.failing = ['device'];
    const down = await app.inject({ url: path });
    assert.equal(down.statusCode, 503);
    assert.equal(down.json().status, 'unavailable');
    assert.deepEqual(
      down.json().checks.find((c: { name: string }) => c.name === 'device'),
      { name: 'device', ok: false, detail: 'broken <b>' },
    );
  }
  const live = await app.inject({ url: '/livez' });
  assert.equal(live.statusCode, 200, 'a gateway that is not ready is alive');
  assert.match(live.headers['content-type'] as string, /^application\/json/);
});

test('the status page stands on its own and shows text as text', async () => {
  const gateway = new FakeGateway();
  gateway.node = '<script>alert(1)</script>';
  gateway.failing = ['host'];
  const page = await open(gateway).inject({ url: '/', headers: LOCAL });
  assert.equal(page.statusCode, 200);
  assert.match(page.headers['content-type'] as string, /^text\/html/);
  assert.match(page.headers['content-security-policy'] as string, /default-src 'none'/);
  assert.doesNotMatch(page.body, /<script|broken <b>/);
  assert.match(page.body, /&lt;script&gt;/);
  assert.match(page.body, /not ready/);
  assert.doesNotMatch(page.body, /(?:src|href)="(?!\/)/, 'nothing is loaded from anywhere else');
});

test('tables come a page at a time', async () => {
  const app = open(filled);
  const first = (await app.inject({ url: '/api/v1/mappings?limit=2', headers: LOCAL })).json();
  assert.equal(first.mappings.length, 2);
  const second = (await app.inject({ url: `/api/v1/mappings?limit=2&cursor=${first.next}`, headers: LOCAL })).json();
  assert.deepEqual(second, { mappings: [filled.mappingRows[2]], next: null });
  for (const table of ['clients', 'sessions', 'pools'])
    assert.ok(Array.isArray((await app.inject({ url: `/api/v1/${table}`, headers: LOCAL })).json()[table]), table);
});

test('what a query cannot mean is refused with a problem', async () => {
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1e3',
    'cursor=x',
    'cursor=99999999999',
    'limit=1&limit=2',
    'page=2',
  ]) {
    const answer = await open().inject({ url: `/api/v1/sessions?${query}`, headers: LOCAL });
    assert.equal(answer.statusCode, 400, query);
    assert.match(answer.headers['content-type'] as string, /^application\/problem\+json/);
  }
});

test('a table of a shard that is down is 503 with the error’s code', async () => {
  const gateway = new FakeGateway();
  gateway.failure = new GatewayError('ERR_SHARD', 'the shard is down; it is being restarted');
  const answer = await open(gateway).inject({ url: '/api/v1/mappings', headers: LOCAL });
  assert.equal(answer.statusCode, 503);
  assert.deepEqual([answer.json().code, answer.json().detail], ['ERR_SHARD', gateway.failure.message]);
});

test('a bug is 500, and its message stays in the log', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  const gateway = new FakeGateway();
  gateway.failure = new TypeError('canary of the inside');
  const answer = await createHttp(gateway, loopback, log).inject({ url: '/api/v1/mappings', headers: LOCAL });
  assert.equal(answer.statusCode, 500);
  assert.doesNotMatch(answer.body, /canary/);
  assert.match(lines.join(), /canary of the inside/);
});

test('reload answers 200 when applied, and 422 with every problem when refused', async () => {
  const gateway = new FakeGateway();
  const app = open(gateway);
  const reload = () => app.inject({ method: 'POST', url: '/api/v1/reload', headers: LOCAL });
  assert.deepEqual((await reload()).json(), { applied: true, warnings: [] });
  const problems = [{ severity: 'error', path: 'clients[0].mux', line: 7, message: 'taken' }] as const;
  gateway.reloadResult = { applied: false, code: 'ERR_CONFIG', message: 'a problem', problems };
  const refused = await reload();
  assert.equal(refused.statusCode, 422);
  assert.equal(refused.json().code, 'ERR_CONFIG');
  assert.deepEqual(refused.json().problems, problems);
  assert.equal(gateway.reloads, 2);
});

test('reset of a client answers 200, and 404 with a problem if there is no such client', async () => {
  const gateway = new FakeGateway();
  const row = { mux: 7, state: 'unheard', endpoint: null, heardSecondsAgo: null, addresses: [] } as const;
  gateway.clientRows.push({ ...row, name: 'alice' });
  const app = open(gateway);
  const post = (name: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url: `/api/v1/clients/${name}/reset`, headers: { ...LOCAL, ...headers } });
  const done = await post('alice');
  assert.deepEqual([done.statusCode, done.json()], [200, { reset: 'alice' }]);
  for (const name of ['bob', '..', '%2e%2e', 'x'.repeat(63)]) {
    const refused = await post(name);
    assert.equal(refused.statusCode, 404, name);
    assert.match(refused.headers['content-type'] as string, /^application\/problem\+json/);
  }
  assert.equal((await post('bob')).json().detail, 'there is no client "bob"');
  assert.equal((await post('alice', { 'sec-fetch-site': 'cross-site' })).statusCode, 403);
  assert.equal((await post('alice', { host: 'evil.example' })).statusCode, 403);
  assert.deepEqual(gateway.resets, ['alice']);
  gateway.failure = new GatewayError('ERR_SHARD', 'the shard is down; it is being restarted');
  assert.equal((await post('alice')).statusCode, 503);
  const closed = open(gateway, rulesFor('0.0.0.0:9464', TOKEN));
  assert.equal((await closed.inject({ method: 'POST', url: '/api/v1/clients/alice/reset' })).statusCode, 401);
});

test('reload takes any body and ignores it, but not one without end', async () => {
  const gateway = new FakeGateway();
  const app = open(gateway);
  const post = (payload: string, type: string) =>
    app.inject({ method: 'POST', url: '/api/v1/reload', headers: { ...LOCAL, 'content-type': type }, payload });
  assert.equal((await post('{"a":', 'application/json')).statusCode, 200);
  assert.equal((await post('', 'application/x-www-form-urlencoded')).statusCode, 200);
  const huge = await post('x'.repeat(20_000), 'text/plain');
  assert.equal(huge.statusCode, 413);
  assert.match(huge.headers['content-type'] as string, /^application\/problem\+json/);
  assert.equal(gateway.reloads, 2);
});

test('unknown paths are 404 and wrong methods 405 with Allow, as problems', async () => {
  const app = open();
  const lost = await app.inject({ url: '/nowhere?x=1', headers: LOCAL });
  assert.equal(lost.statusCode, 404);
  assert.equal(lost.json().title, 'Not Found');
  const wrong = await app.inject({ url: '/api/v1/reload', headers: LOCAL });
  assert.equal(wrong.statusCode, 405);
  assert.equal(wrong.headers.allow, 'POST');
  assert.equal((await app.inject({ method: 'DELETE', url: '/metrics' })).statusCode, 405);
});

test('on loopback the API needs no token, but a Host that no rebound name can have', async () => {
  const app = open();
  for (const host of ['127.0.0.1', '127.0.0.1:9464', 'localhost:9464', '[::1]:9464', '192.0.2.1'])
    assert.equal((await app.inject({ url: '/api/v1/status', headers: { host } })).statusCode, 200, host);
  for (const host of ['evil.example', 'evil.example:9464', '127.0.0.1.evil.example', 'localhost.evil.example', '::1'])
    for (const url of ['/api/v1/status', '/'])
      assert.equal((await app.inject({ url, headers: { host } })).statusCode, 403, `${host} ${url}`);
  assert.equal((await app.inject({ url: '/metrics', headers: { host: 'node.example:9464' } })).statusCode, 200);
  assert.equal((await app.inject({ url: '/readyz', headers: { host: 'node.example:9464' } })).statusCode, 200);
});

test('pages of other sites cannot make a browser reload the gateway', async () => {
  const gateway = new FakeGateway();
  const app = open(gateway);
  const post = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/api/v1/reload', headers: { ...LOCAL, ...headers } });
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:8080' },
  ])
    assert.equal((await post(headers)).statusCode, 403, JSON.stringify(headers));
  assert.equal(gateway.reloads, 0);
  assert.equal((await post({ 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:9464' })).statusCode, 200);
});

test('off loopback the API needs the token, health and metrics do not', async () => {
  const app = open(new FakeGateway(), rulesFor('0.0.0.0:9464', TOKEN));
  const get = (authorization?: string, url = '/api/v1/clients') =>
    app.inject({ url, headers: { host: 'gw.example', ...(authorization ? { authorization } : {}) } });
  for (const url of ['/livez', '/readyz', '/healthz', '/metrics', '/'])
    assert.equal((await get(undefined, url)).statusCode, 200, url);
  assert.equal((await get(`Bearer ${TOKEN}`)).statusCode, 200);
  assert.equal((await get(`bearer ${TOKEN}`)).statusCode, 200);
  for (const wrong of [
    undefined,
    TOKEN,
    `Basic ${TOKEN}`,
    'Bearer',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    'Bearer x y',
  ]) {
    const answer = await get(wrong);
    assert.equal(answer.statusCode, 401, String(wrong));
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
    assert.doesNotMatch(answer.body, /canary/);
  }
});

test('off loopback without a token the API is closed and says how to open it', async () => {
  const app = open(new FakeGateway(), rulesFor('0.0.0.0:9464'));
  const answer = await app.inject({ url: '/api/v1/clients', headers: { authorization: 'Bearer x' } });
  assert.equal(answer.statusCode, 403);
  assert.match(answer.json().detail, /http\.tokenFile/);
});

/** The status of GET `path` over a unix socket. */
const getUnix = (socketPath: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    httpRequest({ socketPath, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });

test('a unix socket is its owner’s only, replaces one that a killed gateway left, and is gone after close', async () => {
  const path = join(directory, 'http.sock');
  const rules = rulesFor(`unix:${path}`);
  const server = await startHttp(new FakeGateway(), rules, silent);
  assert.equal(server.address, `unix:${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await getUnix(path, '/api/v1/status'), 200);
  await assert.rejects(startHttp(new FakeGateway(), rules, silent), { code: 'ERR_HTTP_LISTEN', message: /listens on/ });
  assert.equal(await getUnix(path, '/livez'), 200, 'the first one was left alone');
  await server.close();
  assert.equal(existsSync(path), false);

  // A server that is told not to clean up stands for one that was killed.
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(path, () => resolve()));
  renameSync(path, `${path}.left`);
  await new Promise((resolve) => dead.close(resolve));
  renameSync(`${path}.left`, path);
  const next = await startHttp(new FakeGateway(), rules, silent);
  assert.equal(await getUnix(path, '/livez'), 200);
  await next.close();
});

test('a file that is no socket is not removed to make room for one', async () => {
  const path = join(directory, 'precious');
  writeFileSync(path, 'data');
  chmodSync(path, 0o600);
  await assert.rejects(startHttp(new FakeGateway(), rulesFor(`unix:${path}`), silent), { code: 'ERR_HTTP_LISTEN' });
  assert.equal(existsSync(path), true);
});

test('an address that cannot be had is ERR_HTTP_LISTEN and names it', async () => {
  const first = await startHttp(new FakeGateway(), loopback, silent);
  assert.match(first.address, /^127\.0\.0\.1:\d+$/);
  await assert.rejects(startHttp(new FakeGateway(), rulesFor(first.address), silent), (error: GatewayError) => {
    assert.equal(error.code, 'ERR_HTTP_LISTEN');
    assert.match(error.message, /EADDRINUSE/);
    assert.ok(error.message.includes(first.address));
    return true;
  });
  await first.close();
});

test('closing does not wait for connections that are kept open', async () => {
  const server = await startHttp(new FakeGateway(), loopback, silent);
  const response = await fetch(`http://${server.address}/livez`, { headers: { connection: 'keep-alive' } });
  await response.text();
  await server.close();
  await assert.rejects(fetch(`http://${server.address}/livez`));
});
