// The plain client in memory: two of them back to back, which is a whole tunnel, and one against the gateway's core.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cell, ChallengeResult, type Counters, createCounters, dropCells } from '../../src/base/counters.ts';
import { DropReason, type DropReasonName } from '../../src/base/drop-reason.ts';
import { Direction } from '../../src/base/protocol.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { ManualClock } from '../../src/base/time.ts';
import { MemoryNetwork } from '../../src/cli/demo/memory-network.ts';
import { TinyHost } from '../../src/cli/demo/tiny-host.ts';
import { GATEWAY_ROW, gatewayAssociation, PlainClient } from '../../src/client/plain-client.ts';
import { examineText } from '../../src/control/config.ts';
import { shardSettings } from '../../src/control/shard-settings.ts';
import { DatagramLink, PacketLink } from '../../src/io/memory.ts';
import { OpensslCrypto } from '../../src/io/openssl-crypto.ts';
import { endpointOf } from '../../src/io/socket-address.ts';
import { type AssociationKeys, Role } from '../../src/satp/crypto.ts';
import { createLineStore } from '../../src/satp/line-store.ts';
import { PacketCrypto } from '../../src/satp/packet-crypto.ts';
import { Satp } from '../../src/satp/satp.ts';
import { parseIp4 } from '../../src/wire/addr.ts';
import { anyIp4, icmpMessage, ipv4Packet, udpDatagram } from '../wire/packets.ts';

const MUX = 7;
const HERE = '192.0.2.2';
const THERE = '192.0.2.1';
const ELSEWHERE = endpointOf(0, '198.51.100.99', 9, HERE);

const keysOf = (role: Role): AssociationKeys => ({
  cipher: 128,
  kdf: 128,
  auth: 'sha1',
  tagLength: 10,
  role,
  masterKey: new Uint8Array(16).fill(3),
  masterSalt: new Uint8Array(14).fill(5),
});

interface End {
  readonly client: PlainClient;
  readonly underlay: DatagramLink;
  readonly host: PacketLink;
  readonly counters: Counters;
}

const clock = new ManualClock();

/** One end of a tunnel; the other is at `remote`. */
const endOf = (role: Role, remote: string, local: string): End => {
  const options = { clock, random: new SeededRandom(1) };
  const underlay = new DatagramLink(0, options);
  const host = new PacketLink(options);
  const counters = createCounters();
  const satp = new Satp({
    capacity: 1,
    replayWindow: 1024,
    gatewayAddress: parseIp4('10.99.0.2')!,
    crypto: new PacketCrypto(new OpensslCrypto(), 1),
    random: new SeededRandom(2),
    counters,
    lines: createLineStore(1, 1024, new SeededRandom(3)),
  });
  satp.add(GATEWAY_ROW, gatewayAssociation({ mux: MUX, keys: keysOf(role) }), 9);
  const client = new PlainClient(satp, endpointOf(0, remote, 4444, local), { socket: underlay, tun: host }, counters);
  return { client, underlay, host, counters };
};

const right = (): End => endOf(Role.right, THERE, HERE);
const left = (): End => endOf(Role.left, HERE, THERE);

const dropped = (end: End, direction: number, reason: DropReasonName): number =>
  dropCells(end.counters, direction)[DropReason[reason]]!;

/** What `from` makes of `packet`, on the underlay. */
const sealed = (from: End, packet: Uint8Array): Uint8Array => {
  from.host.push(packet);
  from.client.turn(clock.now());
  return from.underlay.pull()!.bytes;
};

const anEcho = (data = 'ping'): Uint8Array => {
  const payload = icmpMessage(8, 0, 0x00070001, Buffer.from(data));
  return ipv4Packet({ src: 0x0a630002, dst: 0xcb007107, protocol: 1, payload });
};

test('what one end takes from its host the other end gives to its own, octet for octet', () => {
  const [near, far] = [right(), left()];
  fc.assert(
    fc.property(anyIp4, anyIp4, fc.uint8Array({ maxLength: 1300 }), (src, dst, data) => {
      const payload = udpDatagram(src, 1, dst, 2, data);
      const packet = ipv4Packet({ src, dst, protocol: 17, payload });
      far.underlay.push(sealed(near, packet), ELSEWHERE);
      assert.equal(far.client.turn(clock.now()), 1);
      assert.deepEqual(far.host.pull(), packet);
    }),
    { numRuns: 50 },
  );
});

test('what the host sends goes to where the gateway was configured to be', () => {
  const near = right();
  near.host.push(anEcho());
  near.client.turn(clock.now());
  assert.deepEqual(near.underlay.pull()!.endpoint, endpointOf(0, THERE, 4444, HERE));
});

test('what is no IPv4 packet stays on the host', () => {
  const near = right();
  near.host.push(Uint8Array.of(0x60, 0, 0, 0));
  near.host.push(new Uint8Array(0));
  near.host.push(anEcho().fill(0, 10, 12));
  near.client.turn(clock.now());
  assert.equal(near.underlay.pull(), undefined);
  assert.equal(dropped(near, Direction.outbound, 'innerUnsupported'), 3);
});

test('a datagram with one bit changed is dropped', () => {
  const [near, far] = [right(), left()];
  const datagram = sealed(far, anEcho());
  datagram[20]! ^= 1;
  near.underlay.push(datagram, ELSEWHERE);
  near.client.turn(clock.now());
  assert.equal(near.host.pull(), undefined);
  assert.equal(dropped(near, Direction.inbound, 'satpBadTag'), 1);
});

test('a datagram of somebody with the same role is dropped', () => {
  const near = right();
  near.underlay.push(sealed(right(), anEcho()), ELSEWHERE);
  near.client.turn(clock.now());
  assert.equal(dropped(near, Direction.inbound, 'satpBadTag'), 1);
});

test('whoever replays the gateway’s datagrams delivers nothing and draws nothing to himself', () => {
  const [near, far] = [right(), left()];
  const datagram = sealed(far, anEcho());
  near.underlay.push(datagram, endpointOf(0, THERE, 4444, HERE));
  near.client.turn(clock.now());
  assert.ok(near.host.pull());
  near.underlay.push(datagram, ELSEWHERE);
  near.client.turn(clock.now());
  assert.equal(near.host.pull(), undefined);
  near.host.push(anEcho());
  near.client.turn(clock.now());
  for (let sent = near.underlay.pull(); sent !== undefined; sent = near.underlay.pull()) {
    assert.deepEqual(sent.endpoint, endpointOf(0, THERE, 4444, HERE));
  }
});

const CONFIG = `
clients: [{ name: alice, mux: ${MUX}, key: "${'03'.repeat(16)}", salt: "${'05'.repeat(14)}", addresses: [10.99.0.2/32] }]
relay: { pool: [198.51.100.10] }
policy: { allowReserved: true }
`;

/** A client with a host behind it, and a third party in front of a gateway. */
const network = (): { network: MemoryNetwork; host: TinyHost; thirdParty: TinyHost } => {
  const { config, problems } = examineText(CONFIG, 'anygate.yaml');
  assert.ok(config, JSON.stringify(problems));
  const innerAddress = parseIp4('10.99.0.2')!;
  const net = new MemoryNetwork({
    settings: shardSettings(config, { senderId: 1, hostAddresses: [] }),
    gateway: { address: THERE, port: 4444 },
    client: { address: HERE, port: 50_000, innerAddress, senderId: 1 },
  });
  const host = new TinyHost('the host', innerAddress, (packet) => net.sendFromHost(packet));
  const thirdParty = new TinyHost('the third party', parseIp4('203.0.113.7')!, (packet) =>
    net.sendFromInternet(packet),
  );
  net.attach(
    (packet) => host.deliver(packet),
    (packet) => thirdParty.deliver(packet),
  );
  return { network: net, host, thirdParty };
};

test('the gateway’s core relays what the client sends, and what is answered comes back', () => {
  const { network: net, host, thirdParty } = network();
  const answers: string[] = [];
  thirdParty.onUdp(53, (text, from) => `${text} from ${from}`);
  host.onUdp(40_000, (text) => {
    answers.push(text);
    return undefined;
  });
  host.sendUdp(40_000, parseIp4('203.0.113.7')!, 53, 'hello');
  net.settle();
  assert.deepEqual(answers, ['hello from 198.51.100.10:40000']);
});

test('a client that moved answers the gateway’s challenge by its host and goes on', () => {
  const { network: net, host } = network();
  const gateway = parseIp4('10.99.0.1')!;
  host.ping(gateway, 1, 1, new Uint8Array(8));
  net.settle();
  net.moveClient('192.0.2.77', 60_000);
  for (let sequence = 2; sequence <= 9; sequence++) {
    host.ping(gateway, 1, sequence, new Uint8Array(8));
    net.settle();
  }
  assert.deepEqual(host.echoReplies, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(net.counters[Cell.tunnelRoams], 1);
  assert.equal(net.counters[Cell.tunnelChallenges + ChallengeResult.answered], 1);
});
