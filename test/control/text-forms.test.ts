import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { milliseconds } from '../../src/base/time.ts';
import { formatDuration, parseDuration } from '../../src/control/durations.ts';
import {
  formatHttpListen,
  formatListenAddress,
  parseHttpListen,
  parseListenAddress,
} from '../../src/control/listen-address.ts';
import { coverRange, expand, findOverlaps, overlap, parsePoolEntry } from '../../src/control/pool.ts';
import { formatKey, showKey } from '../../src/control/problem.ts';
import { editDistance, nearest } from '../../src/control/suggest.ts';
import { contains, ip4, maskOf, type Prefix4, sizeOf } from '../../src/wire/addr.ts';

test('durations are read with their units, in order, and nothing else is', () => {
  for (const [text, ms] of [
    ['5m', 300_000],
    ['2h4m', 7_440_000],
    ['60s', 60_000],
    ['500ms', 500],
    ['5m5ms', 300_005],
    ['1d1h1m1s1ms', 90_061_001],
    ['0s', 0],
  ] as const)
    assert.equal(parseDuration(text), ms, text);
  for (const text of ['', '5', '5 m', '4m2h', '5m5m', '-5m', '1.5h', '5M', '5min', 's', '9999999999s', '5m '])
    assert.equal(parseDuration(text), undefined, text);
});

test('a duration that is printed is read as the same', () => {
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), (ms) => parseDuration(formatDuration(milliseconds(ms))) === ms));
});

test('the edit distance counts an exchanged pair of letters once', () => {
  assert.deepEqual(
    ['mux', 'mxu', 'mx', 'muxes', '', 'ssalt'].map((word) => editDistance(word, 'mux')),
    [0, 1, 1, 2, 3, 5],
  );
});

test('the edit distance is a metric', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, b) === 0, a === b);
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
      assert.ok(editDistance(a, b) >= Math.abs(a.length - b.length));
    }),
  );
});

test('the nearest word overlooks case, hyphens and underscores', () => {
  const words = ['passphrase', 'passphraseFile', 'stateDir', 'kdf'];
  assert.equal(nearest('state_dir', words), 'stateDir');
  assert.equal(nearest('PASSPHRASE-FILE', words), 'passphraseFile');
  assert.equal(nearest('pasphrase', words), 'passphrase');
  assert.equal(nearest('x'.repeat(100_000), words), 'passphrase', 'the first of equals');
  assert.equal(nearest('x', []), undefined);
});

test('a listen address is printed as it is read', () => {
  for (const text of ['0.0.0.0:4444', '[::]:4444', '[2001:db8::1]:1', '[fe80::1%eth0]:65535', '127.0.0.1:9464']) {
    const address = parseListenAddress(text);
    assert.ok(typeof address !== 'string', text);
    assert.equal(formatListenAddress(address), text);
  }
});

test('http.listen knows loopback from the rest, and unix sockets by absolute paths that fit', () => {
  const isLoopback = (text: string): unknown => {
    const listen = parseHttpListen(text);
    return typeof listen === 'string' ? listen : listen.kind === 'tcp' && listen.isLoopback;
  };
  for (const text of ['127.0.0.1:1', '127.9.9.9:0', 'localhost:9464', '[::1]:1', '[0:0:0:0:0:0:0:1]:1'])
    assert.equal(isLoopback(text), true, text);
  for (const text of ['0.0.0.0:1', '[::]:1', '192.0.2.1:1', '[::ffff:127.0.0.1]:1', '[2001:db8::1]:1', '128.0.0.1:1'])
    assert.equal(isLoopback(text), false, text);
  assert.deepEqual(parseHttpListen('unix:/run/x.sock'), { kind: 'unix', path: '/run/x.sock' });
  assert.equal(formatHttpListen({ kind: 'unix', path: '/run/x.sock' }), 'unix:/run/x.sock');
  for (const text of ['unix:x.sock', 'unix:', `unix:/${'x'.repeat(107)}`, 'example.com:80', ':9464', '9464'])
    assert.equal(typeof parseHttpListen(text), 'string', text);
});

test('a range becomes the fewest prefixes that cover it exactly', () => {
  const address = fc.nat(300).map((n) => n + 0xc6336400);
  fc.assert(
    fc.property(address, fc.nat(200), (first, length) => {
      const prefixes = coverRange(ip4(first), ip4(first + length));
      assert.deepEqual(
        expand(prefixes),
        Array.from({ length: length + 1 }, (_, i) => first + i),
      );
      for (const p of prefixes) assert.equal(p.address & ~maskOf(p.length), 0);
      for (const [i, p] of prefixes.entries()) {
        const next = prefixes[i + 1];
        const isMergeable = next?.length === p.length && (p.address & ~maskOf(p.length - 1)) === 0;
        assert.ok(!isMergeable, 'two neighbours could have been one');
      }
    }),
  );
  assert.deepEqual(coverRange(ip4(0), ip4(0xffffffff)), [{ address: 0, length: 0 }]);
});

test('a pool entry that is read counts as many addresses as it says', () => {
  assert.equal(
    (parsePoolEntry('192.0.2.0/24') as Prefix4[]).reduce((n, p) => n + sizeOf(p), 0),
    256,
  );
  assert.equal(
    (parsePoolEntry('192.0.2.1 - 192.0.2.6') as Prefix4[]).reduce((n, p) => n + sizeOf(p), 0),
    6,
  );
  for (const text of [
    '',
    '192.0.2',
    '192.0.2.1-',
    '-192.0.2.1',
    '192.0.2.1-2',
    '192.0.2.1-192.0.2.2-192.0.2.3',
    '192.0.2.0/33',
    '::1',
  ])
    assert.equal(typeof parsePoolEntry(text), 'string', text);
});

test('overlaps are found exactly where two prefixes share an address', () => {
  const prefix = fc.tuple(fc.integer({ min: 24, max: 32 }), fc.nat(255)).map(([length, low]) => ({
    prefix: { address: ip4((0x0a000000 + low) & maskOf(length)), length },
  }));
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 8 }), (entries) => {
      const naive = entries.some((a, i) =>
        entries.some((b, j) => i < j && (contains(a.prefix, b.prefix.address) || contains(b.prefix, a.prefix.address))),
      );
      const found = findOverlaps(entries);
      assert.equal(found.length > 0, naive);
      for (const { first, second } of found) {
        assert.ok(overlap(first.prefix, second.prefix));
        assert.ok(entries.indexOf(first) <= entries.indexOf(second));
      }
    }),
  );
});

test('a key is shown whole if it can be one, and cut before what may be a secret', () => {
  assert.equal(formatKey(['clients', 0, 'authTagLength']), 'clients[0].authTagLength');
  assert.equal(showKey('newSessionsPerSecond'), 'newSessionsPerSecond');
  assert.equal(showKey('key:c0ffee'), 'key…');
  assert.equal(showKey('my secret words'), 'my…');
  assert.equal(showKey('00112233445566778899aabbccddeeff'), '…');
});
