import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CHALLENGE_DATAGRAM,
  CHALLENGE_LENGTH,
  challengeable,
  emitChallenge,
  isAnswer,
} from '../../src/satp/challenge.ts';
import { ip4 } from '../../src/wire/addr.ts';
import * as icmp4 from '../../src/wire/icmp4.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { CLIENT, GATEWAY, ping } from './lab.ts';

const AT = 64;
const ROW = 1;
const nonces = Uint32Array.of(0, 0, 0, 0, 0xdeadbeef, 0x01234567, 0x89abcdef, 0xfeedface);

const challenge = (): { view: DataView; end: number; ip: ipv4.Ipv4At; icmp: icmp4.IcmpAt } => {
  const view = new DataView(new ArrayBuffer(256));
  const end = emitChallenge(view, AT, GATEWAY, CLIENT, 0xbeef, nonces, ROW);
  const ip = ipv4.check(view, AT, end) as ipv4.Ipv4At;
  return { view, end, ip, icmp: icmp4.check(view, ipv4.payloadAt(view, ip), end) as icmp4.IcmpAt };
};

/** The challenge as the host of the client answers it. */
const answer = (): { view: DataView; end: number } => {
  const { view, end, ip, icmp } = challenge();
  ipv4.swapAddresses(view, ip);
  icmp4.rewriteType(view, icmp, icmp4.IcmpType.echoReply);
  return { view, end };
};

test('a challenge is a whole echo request from the gateway to the client, of 44 octets', () => {
  const { view, end, ip, icmp } = challenge();
  assert.ok(ip > 0 && icmp > 0);
  assert.equal(end - AT, 44);
  assert.equal(CHALLENGE_LENGTH, 44);
  assert.equal(CHALLENGE_DATAGRAM, 54);
  assert.equal(ipv4.src(view, ip), GATEWAY);
  assert.equal(ipv4.dst(view, ip), CLIENT);
  assert.equal(icmp4.type(view, icmp), icmp4.IcmpType.echoRequest);
  assert.equal(icmp4.echoId(view, icmp), 0xbeef);
  assert.ok(icmp4.isChecksumRight(view, icmp, end));
  assert.equal(view.getUint32(end - 16), 0xdeadbeef);
});

test('the host’s echo reply is the answer, the request itself is not', () => {
  const { view, end } = answer();
  assert.equal(isAnswer(view, AT, end, 0xbeef, nonces, ROW), true);
  assert.equal(isAnswer(view, AT, end, 0xbeee, nonces, ROW), false);
  assert.equal(isAnswer(view, AT, end, 0xbeef, nonces, 0), false);
  assert.equal(isAnswer(view, AT, end + 1, 0xbeef, nonces, ROW), false);
  assert.equal(isAnswer(view, AT, end - 1, 0xbeef, nonces, ROW), false);
  assert.equal(isAnswer(challenge().view, AT, end, 0xbeef, nonces, ROW), false);
});

test('an answer with a single bit of its nonce, id, type or protocol changed is none', () => {
  const parts = [...Array(16).keys()].map((k) => 28 + k).concat([0, 2, 3, 6, 9, 10, 11, 20, 24, 25]);
  fc.assert(
    fc.property(fc.constantFrom(...parts), fc.nat(7), (octet, bit) => {
      const { view, end } = answer();
      view.setUint8(AT + octet, view.getUint8(AT + octet) ^ (1 << bit));
      assert.equal(isAnswer(view, AT, end, 0xbeef, nonces, ROW), false, `octet ${octet}`);
    }),
  );
});

test('a fragment or a packet of another protocol is no answer, though its checksum is right', () => {
  for (const change of [
    (view: DataView) => view.setUint16(AT + 6, 0x2000),
    (view: DataView) => view.setUint8(AT + 9, 17),
  ]) {
    const { view, end } = answer();
    change(view);
    view.setUint16(AT + 10, 0);
    let sum = 0;
    for (let w = 0; w < 20; w += 2) sum += view.getUint16(AT + w);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(AT + 10, ~((sum & 0xffff) + (sum >>> 16)));
    assert.ok(ipv4.check(view, AT, end) > 0);
    assert.equal(isAnswer(view, AT, end, 0xbeef, nonces, ROW), false);
  }
});

test('whoever has a unicast IPv4 address can be challenged', () => {
  const target = (source: number): number => {
    const packet = ping(ip4(source));
    return challengeable(new DataView(packet.buffer, packet.byteOffset, packet.length), 0, packet.length);
  };
  for (const source of [0x01000001, 0x0a000001, 0x7e000001, 0x80000001, 0xc0a80101, 0xdfffffff]) {
    assert.equal(target(source), source);
  }
  for (const source of [0, 0x00000001, 0x7f000001, 0xe0000001, 0xf0000001, 0xffffffff]) assert.equal(target(source), 0);
  const broken = ping();
  broken[10]! ^= 1;
  assert.equal(challengeable(new DataView(broken.buffer, broken.byteOffset, broken.length), 0, broken.length), 0);
  assert.equal(challengeable(new DataView(new ArrayBuffer(40)), 0, 40), 0);
  assert.equal(challengeable(new DataView(new ArrayBuffer(40)), 10, 10), 0);
});
