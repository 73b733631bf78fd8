import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SourceTable } from '../../src/dataplane/source-table.ts';
import { contains, ip4, maskOf, type Prefix4, parseIp4, parsePrefix4 } from '../../src/wire/addr.ts';

const anyPrefix: fc.Arbitrary<Prefix4> = fc
  .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 32 }))
  .map(([address, length]) => ({ address: ip4(address & maskOf(length)), length }));

test('a client may use its own prefixes and nobody else’s (BCP 38)', () => {
  const table = new SourceTable(4);
  table.rebuild(
    new Map([
      [0, [parsePrefix4('10.99.0.2/32')!]],
      [2, [parsePrefix4('10.99.1.0/24')!, parsePrefix4('192.168.7.0/25')!]],
    ]),
  );
  const mayUse = (client: number, text: string): boolean => table.mayUse(client, parseIp4(text)!);
  assert.ok(mayUse(0, '10.99.0.2'));
  assert.ok(!mayUse(0, '10.99.0.3'));
  assert.ok(!mayUse(0, '10.99.1.1'));
  assert.ok(mayUse(2, '10.99.1.255'));
  assert.ok(mayUse(2, '192.168.7.127'));
  assert.ok(!mayUse(2, '192.168.7.128'));
  assert.ok(!mayUse(1, '10.99.0.2'), 'a row without a client may use nothing');
});

test('rebuilding forgets what was there before', () => {
  const table = new SourceTable(2);
  table.rebuild(new Map([[0, [parsePrefix4('10.0.0.0/8')!]]]));
  table.rebuild(new Map([[1, [parsePrefix4('10.0.0.0/8')!]]]));
  assert.ok(!table.mayUse(0, parseIp4('10.1.2.3')!));
  assert.ok(table.mayUse(1, parseIp4('10.1.2.3')!));
});

test('the table agrees with asking every prefix', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyPrefix, { maxLength: 5 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (clients, source) => {
        const table = new SourceTable(clients.length);
        table.rebuild(new Map(clients.map((prefixes, row) => [row, prefixes])));
        clients.forEach((prefixes, row) => {
          assert.equal(
            table.mayUse(row, source),
            prefixes.some((p) => contains(p, ip4(source))),
          );
        });
      },
    ),
  );
});
