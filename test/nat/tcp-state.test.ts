import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Verdict } from '../../src/base/batch.ts';
import { Direction } from '../../src/base/protocol.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import { isOpening, isRefreshedBy, next, TcpState, tcpStateNames } from '../../src/nat/tcp-state.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { policyWith, Rig, tcp } from './rig.ts';

const { syn, ack, fin, rst, psh } = TcpFlag;
const S = TcpState;
const OUT = Direction.outbound;
const IN = Direction.inbound;

/** The figure of RFC 7857 §2 with our two deviations; a row that leaves the state as it is says so. */
const ARROWS: readonly (readonly [from: TcpState, flags: number, direction: Direction, to: TcpState])[] = [
  [S.outboundSyn, syn, OUT, S.outboundSyn],
  [S.outboundSyn, ack, OUT, S.outboundSyn],
  [S.outboundSyn, ack, IN, S.outboundSyn],
  [S.outboundSyn, rst | ack, IN, S.outboundSyn],
  [S.outboundSyn, syn | rst, IN, S.outboundSyn],
  [S.outboundSyn, rst, OUT, S.outboundSyn],
  [S.outboundSyn, fin | ack, OUT, S.outboundSyn],
  [S.outboundSyn, syn | ack, IN, S.established],
  [S.outboundSyn, syn, IN, S.established],
  [S.inboundSyn, syn, IN, S.inboundSyn],
  [S.inboundSyn, ack, IN, S.inboundSyn],
  [S.inboundSyn, ack, OUT, S.inboundSyn],
  [S.inboundSyn, rst | ack, OUT, S.inboundSyn],
  [S.inboundSyn, rst, IN, S.inboundSyn],
  [S.inboundSyn, syn | ack, OUT, S.established],
  [S.inboundSyn, syn, OUT, S.established],
  [S.established, ack | psh, OUT, S.established],
  [S.established, ack | psh, IN, S.established],
  [S.established, syn, OUT, S.established],
  [S.established, fin | ack, OUT, S.outboundFin],
  [S.established, fin | ack, IN, S.inboundFin],
  [S.established, rst, OUT, S.reset],
  [S.established, rst | fin, IN, S.reset],
  [S.outboundFin, ack, IN, S.outboundFin],
  [S.outboundFin, fin | ack, OUT, S.outboundFin],
  [S.outboundFin, fin | ack, IN, S.bothFin],
  [S.outboundFin, rst, IN, S.reset],
  [S.inboundFin, ack, OUT, S.inboundFin],
  [S.inboundFin, fin | ack, IN, S.inboundFin],
  [S.inboundFin, fin | ack, OUT, S.bothFin],
  [S.inboundFin, rst, OUT, S.reset],
  [S.bothFin, ack, OUT, S.bothFin],
  [S.bothFin, fin | ack, IN, S.bothFin],
  [S.bothFin, rst, IN, S.bothFin],
  [S.bothFin, syn | ack, IN, S.bothFin],
  [S.bothFin, syn, OUT, S.outboundSyn],
  [S.bothFin, syn, IN, S.inboundSyn],
  [S.reset, rst, IN, S.reset],
  [S.reset, rst | ack, OUT, S.reset],
  [S.reset, ack, IN, S.established],
  [S.reset, ack | psh, OUT, S.established],
  [S.reset, syn, OUT, S.outboundSyn],
  [S.reset, syn, IN, S.inboundSyn],
];

for (const [from, flags, direction, to] of ARROWS) {
  const way = direction === OUT ? 'outbound' : 'inbound';
  test(`${tcpStateNames[from]} goes to ${tcpStateNames[to]} on flags ${flags} ${way} (RFC 7857 §2.1)`, () => {
    assert.equal(next(from, flags, direction), to);
  });
}

test('every state, set of flags and direction has a successor', () => {
  for (let state = 0; state < tcpStateNames.length; state++) {
    for (let flags = 0; flags < 256; flags++) {
      for (const direction of [OUT, IN]) {
        assert.ok(next(state as TcpState, flags, direction) in tcpStateNames);
        assert.equal(typeof isRefreshedBy(state as TcpState, flags), 'boolean');
      }
    }
  }
});

test('a stranger alone never reaches a state with the established timeout', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 63 }), { maxLength: 40 }), (script) => {
      let state: TcpState = S.inboundSyn;
      for (const flags of script) state = next(state, flags, IN);
      assert.equal(state, S.inboundSyn);
      assert.ok(!script.some((flags) => isRefreshedBy(S.inboundSyn, flags)));
    }),
  );
});

test('no segment with RST refreshes any state (RFC 7857 §7.1)', () => {
  for (let state = 0; state < tcpStateNames.length; state++) {
    for (let flags = 0; flags < 64; flags++) {
      if (flags & rst) assert.ok(!isRefreshedBy(state as TcpState, flags));
    }
  }
});

test('only a bare SYN opens', () => {
  const opening = Array.from({ length: 64 }, (_, flags) => flags).filter(isOpening);
  for (const flags of opening) assert.equal(flags & (syn | ack | rst | fin), syn);
  assert.ok(opening.includes(syn) && opening.includes(syn | psh));
});

const EXT = '198.51.100.10:5000';
const C1 = '10.99.0.2:5000';
const R1 = '93.184.216.34:80';

/** A connection of which the handshake is done. */
const connected = (): Rig => {
  const rig = new Rig();
  rig.out(1, tcp(C1, R1, syn));
  rig.in(tcp(R1, EXT, syn | ack));
  rig.out(1, tcp(C1, R1, ack));
  return rig;
};

test('an established connection stays for 2 h 4 min of silence, in either direction’s favour (RFC 5382 §5 REQ-5)', () => {
  for (const speak of [(rig: Rig) => rig.out(1, tcp(C1, R1, ack)), (rig: Rig) => rig.in(tcp(R1, EXT, ack))]) {
    const rig = connected();
    for (let i = 0; i < 3; i++) {
      rig.pass(seconds(7439));
      assert.notEqual(speak(rig).verdict, Verdict.drop);
    }
    rig.pass(seconds(7440));
    assert.equal(speak(rig).verdict, Verdict.drop);
  }
});

test('a half-open connection stays for 4 min (RFC 5382 §5 REQ-5, RFC 7857 §2.2)', () => {
  const rig = new Rig();
  rig.out(1, tcp(C1, R1, syn));
  rig.pass(seconds(239));
  assert.equal(rig.in(tcp(R1, EXT, syn | ack)).verdict, Verdict.client);
  const silent = new Rig();
  silent.out(1, tcp(C1, R1, syn));
  silent.pass(minutes(4));
  assert.equal(silent.sessionCount, 0);
});

test('a client that goes on trying keeps its half-open connection', () => {
  const rig = new Rig();
  for (let i = 0; i < 5; i++) {
    assert.equal(rig.out(1, tcp(C1, R1, syn)).src, EXT);
    rig.pass(minutes(3));
  }
  assert.equal(rig.in(tcp(R1, EXT, syn | ack)).verdict, Verdict.client);
});

test('a closed connection stays for 4 min after the second FIN, whatever is said (RFC 5382 §5 REQ-5, RFC 7857 §2.2)', () => {
  const rig = connected();
  rig.out(1, tcp(C1, R1, fin | ack));
  rig.pass(minutes(60));
  rig.in(tcp(R1, EXT, fin | ack));
  rig.pass(seconds(239));
  assert.equal(rig.out(1, tcp(C1, R1, ack)).verdict, Verdict.external);
  rig.pass(seconds(1));
  assert.equal(rig.sessionCount, 0);
});

test('a RST is translated and the session stays 4 min, or for good if anybody goes on (RFC 7857 §2.3)', () => {
  const rig = connected();
  const sent = rig.out(1, tcp(C1, R1, rst));
  assert.deepEqual([sent.verdict, sent.src], [Verdict.external, EXT]);
  rig.pass(seconds(239));
  assert.equal(rig.in(tcp(R1, EXT, rst)).verdict, Verdict.client);
  rig.pass(seconds(1));
  assert.equal(rig.sessionCount, 0);

  const forged = connected();
  forged.in(tcp(R1, EXT, rst));
  forged.pass(seconds(239));
  assert.equal(forged.in(tcp(R1, EXT, ack)).verdict, Verdict.client);
  forged.pass(minutes(120));
  assert.equal(forged.in(tcp(R1, EXT, ack)).verdict, Verdict.client);
});

test('the same endpoints may connect again at once after closing', () => {
  const rig = connected();
  rig.out(1, tcp(C1, R1, fin | ack));
  rig.in(tcp(R1, EXT, fin | ack));
  assert.equal(rig.out(1, tcp(C1, R1, syn)).src, EXT);
  rig.in(tcp(R1, EXT, syn | ack));
  rig.pass(minutes(60));
  assert.equal(rig.in(tcp(R1, EXT, ack)).verdict, Verdict.client);
});

test('every state ends if only time passes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 63 })), { maxLength: 12 }), (script) => {
      const rig = new Rig(policyWith({ capacity: { sessions: 8, mappings: 8 } }));
      rig.out(1, tcp(C1, R1, syn));
      for (const [outbound, flags] of script) {
        if (outbound) rig.out(1, tcp(C1, R1, flags));
        else rig.in(tcp(R1, EXT, flags));
      }
      assert.equal(rig.sessionCount, 1);
      rig.pass(minutes(124));
      assert.deepEqual([rig.sessionCount, rig.mappingCount], [0, 0]);
    }),
    { numRuns: 50 },
  );
});
