import assert from 'node:assert/strict';
import { isIPv6, SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { ENDPOINT_WORDS } from '../../src/base/endpoint.ts';
import { endpointOf, Family, formatAddress, formatRemote, parseAddress } from '../../src/io/socket-address.ts';

test('IPv4 is one word, the rest zero', () => {
  assert.deepEqual(parseAddress('192.0.2.255'), { family: Family.inet, words: [0xc00002ff, 0, 0, 0], scope: 0 });
});

test('IPv6 is four words, and a zone is the index of its interface', () => {
  assert.deepEqual(parseAddress('2001:db8::ffff:1').words, [0x20010db8, 0, 0, 0xffff0001]);
  assert.deepEqual(parseAddress('fe80::1%lo'), { family: Family.inet6, words: [0xfe800000, 0, 0, 1], scope: 1 });
});

test('what is no address is refused with the reason', () => {
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', '::g', '1.2.3.4%lo', '::1%lo%lo', '[::1]']) {
    assert.throws(() => parseAddress(text), { code: 'ERR_SOCKET', message: /is no IPv4 or IPv6 address/ }, text);
  }
  assert.throws(() => parseAddress('fe80::1%nowhere9'), { message: /there is no interface "nowhere9"/ });
});

test('formatting follows RFC 5952 §4: lower case, no leading zeros, the first longest run of zeros short', () => {
  for (const text of [
    '::',
    '::1',
    '1::',
    '2001:db8::1',
    '1:0:0:2::3',
    '1:2:3:4:5:6:0:8',
    '1::4:0:0:7:8',
    'fe80::ab0',
  ]) {
    assert.equal(formatAddress(Family.inet6, parseAddress(text).words, 0), text);
  }
});

test('formatting agrees with node for any IPv6 address, and parsing undoes it', () => {
  const word = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }), fc.nat({ max: 0xffffffff }));
  fc.assert(
    fc.property(word, word, word, fc.integer({ min: 0x20000, max: 0xffffffff }), (a, b, c, d) => {
      // Node writes ::a.b.c.d and ::ffff:a.b.c.d with dots, which RFC 5952 §5 leaves to taste.
      fc.pre(a !== 0 || b !== 0);
      const text = formatAddress(Family.inet6, [a, b, c, d], 0);
      assert.ok(isIPv6(text));
      assert.deepEqual(parseAddress(text).words, [a, b, c, d]);
      assert.equal(new SocketAddress({ family: 'ipv6', address: text }).address, text);
    }),
  );
});

test('a remote endpoint is shown with its port, and its scope if it has one', () => {
  const rows = new Uint32Array(3 * ENDPOINT_WORDS);
  rows.set(endpointOf(0, '192.0.2.1', 4444, '198.51.100.1'), 0);
  rows.set(endpointOf(0, '2001:db8::1', 1, '::1'), ENDPOINT_WORDS);
  rows.set(endpointOf(0, 'fe80::1%lo', 65535, '::1'), 2 * ENDPOINT_WORDS);
  assert.equal(formatRemote(Family.inet, rows, 0), '192.0.2.1:4444');
  assert.equal(formatRemote(Family.inet6, rows, 1), '[2001:db8::1]:1');
  assert.equal(formatRemote(Family.inet6, rows, 2), '[fe80::1%1]:65535');
});
