// What SATP itself costs, without system calls and NAT: `node bench/satp-core.ts`. Packets are sealed and opened in place in batches of
// 64, by the ciphers alone and by the whole core (tables, windows, endpoints), beside what OpenSSL's own benchmark says that
// enciphering and authenticating that many octets takes at the least. Many short rounds, of which the tenth percentile counts: what
// disturbs a round on a shared machine only ever adds.

import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { PacketBatch, Verdict } from '../src/base/batch.ts';
import { createCounters, dropCells } from '../src/base/counters.ts';
import { ENDPOINT_WORDS } from '../src/base/endpoint.ts';
import { Direction } from '../src/base/protocol.ts';
import { SeededRandom } from '../src/base/random.ts';
import { instant } from '../src/base/time.ts';
import { OpensslCrypto } from '../src/io/openssl-crypto.ts';
import { type AssociationKeys, Role } from '../src/satp/crypto.ts';
import { PacketCrypto } from '../src/satp/packet-crypto.ts';
import { Satp } from '../src/satp/satp.ts';
import { ip4 } from '../src/wire/addr.ts';

const BATCH = 64;
const ROUNDS = 1200;
const BATCHES_A_ROUND = 8;
const HEADER = 10;
const TAG = 10;

const keysOf = (role: Role): AssociationKeys => ({
  cipher: 128,
  kdf: 128,
  auth: 'sha1',
  tagLength: TAG,
  role,
  masterKey: new Uint8Array(16).fill(0x11),
  masterSalt: new Uint8Array(14).fill(0x22),
});

const crypto = new PacketCrypto(new OpensslCrypto(), 4);
const counters = createCounters();
const endpoint = new Uint32Array(ENDPOINT_WORDS).fill(7);

/** One end of the association, in `row`. */
const endOf = (role: Role, row: number): Satp => {
  const satp = new Satp({
    capacity: 4,
    replayWindow: 1024,
    gatewayAddress: ip4(0x0a630001),
    crypto,
    random: new SeededRandom(1),
    counters,
  });
  const association = {
    name: 'bench',
    mux: 7,
    device: 'tun',
    keys: keysOf(role),
    identity: 0,
    restart: { kind: 'challenge' },
  } as const;
  satp.add(row, { ...association, innerAddress: ip4(0x0a630002) }, 1);
  satp.locate(row, endpoint);
  return satp;
};

/** Nanoseconds a packet of each of `steps`, which handle a batch and run in turn. */
const time = (steps: readonly (() => void)[]): number[] => {
  const rounds = steps.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [s, step] of steps.entries()) {
      const start = performance.now();
      for (let n = 0; n < BATCHES_A_ROUND; n++) step();
      rounds[s]!.push(((performance.now() - start) * 1e6) / (BATCHES_A_ROUND * BATCH));
    }
  }
  return rounds.map((times) => times.toSorted((a, b) => a - b)[ROUNDS / 10]!);
};

/** Nanoseconds that `openssl speed` takes for `octets`; NaN if it is not installed. */
const opensslSpeed = (octets: number, ...algorithm: string[]): number => {
  const { stdout } = spawnSync('openssl', ['speed', '-mr', '-seconds', '1', '-bytes', `${octets}`, ...algorithm], {
    encoding: 'utf8',
  });
  const octetsPerSecond = /^\+F:.*:([\d.]+)$/m.exec(stdout ?? '')?.[1];
  return octetsPerSecond === undefined ? Number.NaN : (octets / Number(octetsPerSecond)) * 1e9;
};

const sealer = endOf(Role.right, 0);
const opener = endOf(Role.left, 1);
const b = new PacketBatch(BATCH, dropCells(counters, Direction.outbound));
let now = 0;

/** Puts inner packets of `length` octets into every slot. */
const fill = (length: number): void => {
  b.clear();
  for (let i = 0; i < BATCH; i++) {
    b.accept(length);
    b.arena.bytes[b.slot(i) + HEADER] = 0x45;
    b.endpoint.set(endpoint, i * ENDPOINT_WORDS);
  }
  rewind(length);
};

const rewind = (length: number): void => {
  for (let i = 0; i < BATCH; i++) {
    b.at[i] = b.slot(i) + HEADER;
    b.end[i] = b.slot(i) + HEADER + length;
    b.client[i] = 0;
    b.verdict[i] = Verdict.client;
    b.arena.bytes[b.slot(i) + HEADER] = 0x45;
  }
};

const measure = (length: number): string[] => {
  fill(length);
  const seal = (): void => {
    rewind(length);
    sealer.seal(b);
  };
  const sealAndOpen = (): void => {
    seal();
    for (let i = 0; i < BATCH; i++) b.verdict[i] = Verdict.pending;
    opener.open(b, instant(now++));
    if (b.verdict[BATCH - 1] !== Verdict.pending) throw new Error('a packet was not opened');
  };
  const cipherSeal = (): void => {
    for (let i = 0; i < BATCH; i++) crypto.seal(b.arena, 0, b.slot(i), b.slot(i) + HEADER + length);
  };
  const cipherBoth = (): void => {
    for (let i = 0; i < BATCH; i++) {
      crypto.seal(b.arena, 0, b.slot(i), b.slot(i) + HEADER + length);
      crypto.open(b.arena, 1, b.slot(i), b.slot(i) + HEADER + length + TAG);
    }
  };
  const [sealing = 0, both = 0, cipherSealing = 0, cipherBothWays = 0] = time([
    seal,
    sealAndOpen,
    cipherSeal,
    cipherBoth,
  ]);
  const floor = opensslSpeed(length + 2, '-evp', 'aes-128-ctr') + opensslSpeed(length + HEADER, '-hmac', 'sha1');
  return [length, floor, cipherSealing, cipherBothWays - cipherSealing, sealing, both - sealing].map((n) =>
    n.toFixed(0),
  );
};

console.log('| inner octets | OpenSSL speed | ciphers: seal | open | core: seal | open |');
console.log('| ---: | ---: | ---: | ---: | ---: | ---: |');
for (const length of [64, 512, 1400]) console.log(`| ${measure(length).join(' | ')} |`);
console.log(
  '\nns a packet. OpenSSL speed: AES-128-CTR and HMAC-SHA1 with keys at rest, SATP derives new ones for every packet.',
);
