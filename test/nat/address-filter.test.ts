import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Protocol } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { AddressFilter } from '../../src/nat/address-filter.ts';
import type { Ip4 } from '../../src/wire/addr.ts';

test('the filter agrees with a multiset under any script', () => {
  const anyStep = fc.tuple(
    fc.boolean(),
    fc.nat({ max: 2 }),
    fc.constantFrom(Protocol.udp, Protocol.tcp),
    fc.nat({ max: 2 }),
  );
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 100 }), (script) => {
      const filter = new AddressFilter(16, new SeededRandom(1));
      const model: string[] = [];
      for (const [isAdded, mapping, protocol, host] of script) {
        const remote = (0xfffffff0 + host) as Ip4;
        const name = `${mapping} ${protocol} ${host}`;
        if (isAdded && model.length < 16) {
          filter.add(mapping, protocol, remote);
          model.push(name);
        } else if (!isAdded && model.includes(name)) {
          filter.remove(mapping, protocol, remote);
          model.splice(model.indexOf(name), 1);
        }
        assert.equal(filter.has(mapping, protocol, remote), model.includes(name));
      }
    }),
  );
});
