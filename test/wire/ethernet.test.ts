import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ethernet from '../../src/wire/ethernet.ts';
import { malformed } from '../../src/wire/malformed.ts';
import { AT, placed } from './packets.ts';

test('a frame reads back, and a shorter one mints no offset', () => {
  const view = placed(Uint8Array.from([0x33, 0x33, 0, 0, 0, 1, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x86, 0xdd]));
  const at = ethernet.check(view, AT, AT + 14) as ethernet.EthernetAt;
  assert.equal(at, AT);
  assert.equal(ethernet.dst(view, at), 0x333300000001);
  assert.equal(ethernet.src(view, at), 0xfedcba987654);
  assert.equal(ethernet.etherType(view, at), ethernet.EtherType.ipv6);
  assert.ok(ethernet.isGroup(ethernet.dst(view, at)));
  assert.ok(!ethernet.isGroup(ethernet.src(view, at)));
  assert.equal(ethernet.check(view, AT, AT + 13), malformed);
});
