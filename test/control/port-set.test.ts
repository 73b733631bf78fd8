import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBoundSockets } from '../../src/control/bound-sockets.ts';
import {
  countPorts,
  formatPortSet,
  intersect,
  type PortSet,
  parsePortSet,
  subtract,
  union,
} from '../../src/control/port-set.ts';
import { formatIp4 } from '../../src/wire/addr.ts';

const members = (set: PortSet): number[] =>
  set.flatMap(({ low, high }) => Array.from({ length: high - low + 1 }, (_, i) => low + i));

const small = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(8)), { maxLength: 6 }).map((pairs) =>
  union(
    [],
    pairs.map(([low, length]) => ({ low, high: low + length })),
  ),
);

test('port sets agree with sets of numbers', () => {
  fc.assert(
    fc.property(small, small, (a, b) => {
      const [x, y] = [members(a), members(b)];
      const both = [...new Set([...x, ...y])].sort((p, q) => p - q);
      assert.deepEqual(members(union(a, b)), both);
      assert.deepEqual(
        members(subtract(a, b)),
        x.filter((n) => !y.includes(n)),
      );
      assert.deepEqual(
        members(intersect(a, b)),
        x.filter((n) => y.includes(n)),
      );
      assert.equal(countPorts(a), x.length);
      assert.deepEqual(parsePortSet(formatPortSet(a)), a);
    }),
  );
});

test('the kernel’s text is read and written', () => {
  assert.deepEqual(parsePortSet(''), []);
  assert.equal(formatPortSet([]), '');
  assert.equal(formatPortSet(parsePortSet('9000-9100,8080,9101\n')), '8080,9000-9101');
});

test('waiting sockets are read from /proc/net', () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 020200C0:C350 0A7100CB:0050 01 00000000:00000000 00:00000000 00000000     0        0 3 1
`;
  const shown = (sockets: ReturnType<typeof parseBoundSockets>) =>
    sockets.map(({ protocol, address, port }) => `${protocol} ${formatIp4(address)} ${port}`);
  assert.deepEqual(shown(parseBoundSockets('tcp', tcp)), ['tcp 127.0.0.1 8080', 'tcp 0.0.0.0 22']);
  const udp6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:115C 00000000000000000000000000000000:0000 07 0
   1: 0000000000000000FFFF0000020200C0:0035 00000000000000000000000000000000:0000 07 0
   2: 000080FE000000000000000000000001:0035 00000000000000000000000000000000:0000 07 0
`;
  assert.deepEqual(shown(parseBoundSockets('udp', udp6)), ['udp 0.0.0.0 4444', 'udp 192.0.2.2 53']);
});
