// Properties that must survive any implementation of the NAT, against a naive twin made of Maps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Verdict } from '../../src/base/batch.ts';
import { minutes, seconds } from '../../src/base/time.ts';
import type { FilteringBehavior } from '../../src/nat/policy.ts';
import { formatIp4, type Ip4 } from '../../src/wire/addr.ts';
import { TcpFlag } from '../../src/wire/tcp.ts';
import { endpoint, type Outcome, policyWith, Rig, tcp, udp } from '../nat/rig.ts';
import { anyData, anyIp4, anyPort, icmpMessage, ipv4Packet, tcpSegment, udpDatagram } from '../wire/packets.ts';

const POOL = ['198.51.100.10', '203.0.113.250'];

/** A packet by its fields, so that it can be turned round. */
interface Fields {
  protocol: 'udp' | 'tcp' | 'icmp';
  src: number;
  srcPort: number;
  dst: number;
  dstPort: number;
  data: Uint8Array;
  ttl: number;
  options: Uint8Array;
}

const anyPublic = anyIp4.filter((a) => !POOL.includes(formatIp4(a as Ip4)));
const anyFields: fc.Arbitrary<Fields> = fc.record({
  protocol: fc.constantFrom('udp', 'tcp', 'icmp'),
  src: anyPublic,
  srcPort: anyPort,
  dst: anyPublic,
  dstPort: anyPort,
  data: anyData,
  ttl: fc.integer({ min: 2, max: 255 }),
  options: fc.constantFrom(new Uint8Array(), Uint8Array.of(1, 1, 1, 0)),
});

const build = (f: Fields, isAnswer: boolean): Uint8Array => {
  const { src, srcPort, dst, dstPort, data } = f;
  if (f.protocol === 'udp')
    return ipv4Packet({ ...f, protocol: 17, payload: udpDatagram(src, srcPort, dst, dstPort, data) });
  if (f.protocol === 'tcp') {
    const flags = isAnswer ? TcpFlag.syn | TcpFlag.ack : TcpFlag.syn;
    return ipv4Packet({ ...f, protocol: 6, payload: tcpSegment(src, srcPort, dst, dstPort, flags, data) });
  }
  const id = isAnswer ? dstPort : srcPort;
  return ipv4Packet({
    ...f,
    protocol: 1,
    payload: icmpMessage(isAnswer ? 0 : 8, 0, ((id << 16) | 7) >>> 0, data),
  });
};

const turned = (f: Fields): Fields => ({ ...f, src: f.dst, srcPort: f.dstPort, dst: f.src, dstPort: f.srcPort });

/** The external endpoint of a packet that left. */
const externalOf = (o: Outcome): { address: Ip4; port: number } => endpoint(o.src);

test('outbound then inbound restores the packet, and both directions add up', () => {
  fc.assert(
    fc.property(anyFields, fc.boolean(), (f, isTaken) => {
      const rig = new Rig(policyWith({ pool: POOL }));
      // Somebody else may have the wanted port already.
      const other = f.src === 0x0a630003 ? 0x0a630004 : 0x0a630003;
      if (isTaken) for (const client of [2, 3]) rig.out(client, build({ ...f, src: other + client * 256 }, false));
      const sent = rig.out(1, build(f, false));
      assert.equal(sent.verdict, Verdict.external);
      assert.ok(sent.isWhole);
      const external = externalOf(sent);
      assert.ok(POOL.includes(formatIp4(external.address)));
      assert.deepEqual(sent.bytes, build({ ...f, src: external.address, srcPort: external.port }, false));
      const answer = turned({ ...f, src: external.address, srcPort: external.port });
      const received = rig.in(build(answer, true));
      assert.deepEqual([received.verdict, received.client], [Verdict.client, 1]);
      assert.deepEqual(received.bytes, build(turned(f), true));
    }),
  );
});

const anyStep = fc.oneof(
  fc.record({
    do: fc.constant('out' as const),
    client: fc.nat({ max: 2 }),
    port: fc.nat({ max: 3 }),
    remote: fc.nat({ max: 3 }),
  }),
  fc.record({
    do: fc.constant('in' as const),
    client: fc.nat({ max: 2 }),
    port: fc.nat({ max: 3 }),
    remote: fc.nat({ max: 5 }),
  }),
  fc.record({ do: fc.constant('time' as const), seconds: fc.constantFrom(1, 4, 30, 150, 299) }),
  fc.record({ do: fc.constant('close' as const), client: fc.nat({ max: 2 }) }),
);

const TIMEOUT = 300_000;
/** Expiry may come a 64th late; in that time the twin has no opinion. */
const LATEST = TIMEOUT * (1 + 1 / 64);

const remoteName = (n: number): string => `93.184.216.${n >> 1}:${1000 + (n & 1)}`;

test('UDP mappings and filters agree with a twin made of Maps, under any script', () => {
  const behaviors: FilteringBehavior[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];
  fc.assert(
    fc.property(fc.constantFrom(...behaviors), fc.array(anyStep, { maxLength: 60 }), (filtering, script) => {
      const rig = new Rig(policyWith({ filtering, pool: POOL, timeouts: { portHoldDown: seconds(0) } }));
      const external = new Map<string, string>();
      const used = new Map<string, Map<string, number>>();
      const ages = (name: string): [string, number][] =>
        [...(used.get(name) ?? [])].map(([remote, at]) => [remote, rig.now - at]);
      for (const s of script) {
        if (s.do === 'time') rig.pass(seconds(s.seconds));
        else if (s.do === 'close') {
          rig.nat.closeClient(s.client, rig.now);
          for (const name of [...used.keys()]) if (name.startsWith(`10.99.0.${s.client}:`)) used.delete(name);
        } else if (s.do === 'out') {
          const name = `10.99.0.${s.client}:${5000 + s.port}`;
          const before = ages(name);
          const sent = rig.out(s.client, udp(name, remoteName(s.remote)));
          assert.equal(sent.verdict, Verdict.external);
          if (before.some(([, age]) => age < TIMEOUT)) assert.equal(sent.src, external.get(name));
          external.set(name, sent.src);
          used.set(name, (used.get(name) ?? new Map()).set(remoteName(s.remote), rig.now));
        } else {
          const name = `10.99.0.${s.client}:${5000 + s.port}`;
          const to = external.get(name);
          if (to === undefined) continue;
          const from = remoteName(s.remote);
          const admits = ([remote]: [string, number]): boolean =>
            filtering === 'endpoint-independent' ||
            (filtering === 'address-dependent' ? remote.split(':')[0] === from.split(':')[0] : remote === from);
          const admitting = ages(name).filter(admits);
          const received = rig.in(udp(from, to));
          const isMine = received.verdict === Verdict.client && received.dst === name;
          if (admitting.some(([, age]) => age < TIMEOUT)) assert.ok(isMine, `${from} is let in to ${name}`);
          if (admitting.every(([, age]) => age >= LATEST)) assert.ok(!isMine, `${from} is kept from ${name}`);
        }
      }
      const views = rig.nat.mappings(100).rows;
      assert.equal(new Set(views.map((m) => `${m.external.address}:${m.external.port}`)).size, views.length);
      assert.equal(
        views.reduce((n, m) => n + m.sessions, 0),
        rig.sessionCount,
      );
      rig.pass(minutes(6));
      assert.deepEqual([rig.sessionCount, rig.mappingCount, rig.count('natPortsUsed')], [0, 0, 0]);
    }),
  );
});

test('no two live mappings share an external endpoint, whatever clients do', () => {
  const anyPacket = fc.record({
    client: fc.nat({ max: 5 }),
    port: fc.integer({ min: 1020, max: 1030 }),
    protocol: fc.constantFrom('udp', 'tcp', 'icmp'),
    remote: fc.constantFrom(0x5db8d822, 0xc6336409, 0x97650145),
    wait: fc.constantFrom(0, 0, 0, 70_000, 250_000),
  });
  fc.assert(
    fc.property(fc.array(anyPacket, { maxLength: 80 }), (script) => {
      const rig = new Rig(policyWith({ pool: POOL, low: 1022, high: 1030 }));
      for (const p of script) {
        const f = {
          src: 0x0a630000 + p.client,
          srcPort: p.port,
          dst: p.remote,
          dstPort: 80,
          data: new Uint8Array(),
          ttl: 64,
        };
        const packet = build({ ...f, protocol: p.protocol as Fields['protocol'], options: new Uint8Array() }, false);
        rig.out(p.client, packet);
        rig.pass(seconds(p.wait / 1000));
        const views = rig.nat.mappings(1000).rows;
        const external = new Set(views.map((m) => `${m.protocol} ${m.external.address} ${m.external.port}`));
        const internal = new Set(views.map((m) => `${m.protocol} ${m.internal.address} ${m.internal.port}`));
        assert.deepEqual([external.size, internal.size], [views.length, views.length]);
        assert.equal(views.length, rig.mappingCount);
        assert.equal(
          views.length,
          [0, 1, 2].reduce((n, c) => n + rig.count('natPortsUsed', c), 0),
        );
      }
    }),
    { numRuns: 60 },
  );
});

test('a batch comes out as its packets would one by one', () => {
  const anyPacket = fc.record({
    client: fc.nat({ max: 2 }),
    port: fc.nat({ max: 2 }),
    // Remote 0 and 1 are hosts, the others external endpoints of clients.
    remote: fc.nat({ max: 4 }),
    flags: fc.constantFrom(TcpFlag.syn, TcpFlag.syn | TcpFlag.ack, TcpFlag.ack, TcpFlag.fin | TcpFlag.ack, TcpFlag.rst),
    isTcp: fc.boolean(),
    ttl: fc.constantFrom(64, 64, 64, 1),
  });
  fc.assert(
    fc.property(fc.array(anyPacket, { minLength: 1, maxLength: 40 }), (script) => {
      const packets = script.map((p) => {
        const from = `10.99.0.${p.client}:${5000 + p.port}`;
        const to = p.remote < 2 ? remoteName(p.remote) : `198.51.100.10:${5000 + p.remote - 2}`;
        return [p.client, p.isTcp ? tcp(from, to, p.flags, { ttl: p.ttl }) : udp(from, to, { ttl: p.ttl })] as const;
      });
      const together = new Rig();
      const apart = new Rig();
      const a = together.outAll(packets);
      const b = packets.map(([client, packet]) => apart.out(client, packet));
      for (const [i, one] of b.entries()) assert.deepEqual({ ...a[i]!, reason: one.reason }, one);
      assert.deepEqual(together.counters, apart.counters);
    }),
  );
});

/** Valid packets with a few octets spoiled, and plain noise. */
const anyGarbage = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc
    .tuple(
      anyFields,
      fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { maxLength: 4 }),
      fc.nat({ max: 90 }),
    )
    .map(([f, spoils, cut]) => {
      const bytes = build({ ...f, dst: 0xc633640a }, false);
      for (const [at, to] of spoils) if (at < bytes.length) bytes[at] = to;
      return bytes.slice(0, Math.max(1, bytes.length - Math.max(0, cut - 60)));
    }),
);

test('garbage from the Internet is decided and counted, and never throws', () => {
  const rig = new Rig();
  rig.out(1, udp('10.99.0.2:5000', '93.184.216.34:53'));
  fc.assert(
    fc.property(anyGarbage, (bytes) => {
      const o = rig.in(bytes);
      assert.ok(o.verdict === Verdict.drop || o.verdict === Verdict.client);
      assert.equal(o.verdict === Verdict.drop, o.reason !== undefined);
    }),
    { numRuns: 3000 },
  );
});

test('garbage in an IPv4 header from a client is decided and counted, and never throws', () => {
  const rig = new Rig();
  const anyPayload = fc.record({
    protocol: fc.oneof(fc.constantFrom(1, 6, 17), fc.nat({ max: 255 })),
    payload: fc.uint8Array({ maxLength: 60 }),
    dst: fc.oneof(anyIp4, fc.constant(0xc633640a)),
    ttl: fc.nat({ max: 255 }),
    flagsOffset: fc.oneof(fc.constant(0), fc.nat({ max: 0xffff })),
  });
  fc.assert(
    fc.property(anyPayload, (f) => {
      const o = rig.out(1, ipv4Packet({ ...f, src: 0x0a630002 }));
      assert.notEqual(o.verdict, Verdict.pending);
      assert.notEqual(o.verdict, Verdict.consumed);
      if (o.verdict === Verdict.drop) assert.notEqual(o.reason, undefined);
    }),
    { numRuns: 3000 },
  );
});

test('an ICMP error with any quote is decided and counted, and never throws', () => {
  const rig = new Rig();
  const sent = rig.out(1, udp('10.99.0.2:5000', '93.184.216.34:53')).bytes;
  const anyQuote = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.nat({ max: sent.length }).map((n) => sent.slice(0, n)),
    anyFields.map((f) => build({ ...f, src: 0xc633640a }, false)),
  );
  fc.assert(
    fc.property(anyQuote, fc.constantFrom(3, 11, 12), fc.boolean(), (data, type, outbound) => {
      const payload = icmpMessage(type, 0, 0, data);
      const o = outbound
        ? rig.out(1, ipv4Packet({ src: 0x0a630002, dst: 0x5db8d822, protocol: 1, payload }))
        : rig.in(ipv4Packet({ src: 0x3e286201, dst: 0xc633640a, protocol: 1, payload }));
      assert.ok(o.verdict === Verdict.drop ? o.reason !== undefined : o.isWhole);
    }),
    { numRuns: 2000 },
  );
});
