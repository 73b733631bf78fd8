// Which destinations a client may reach. A relay that carried everything would be a door into the networks around the gateway, so what
// the IANA IPv4 Special-Purpose Address Registry (RFC 6890) does not call globally reachable is refused. An operator may open the
// reserved unicast ranges; what could reach the host itself, its link or its cloud's metadata service stays closed always.

import { type PacketBatch, Verdict } from '../base/batch.ts';
import { DropReason } from '../base/drop-reason.ts';
import { contains, type Ip4, type Prefix4, parsePrefix4 } from '../wire/addr.ts';
import { dst, type Ipv4At } from '../wire/ipv4.ts';

const prefixes = (...texts: readonly string[]): readonly Prefix4[] => texts.map((t) => parsePrefix4(t)!);

/** Never a destination, whatever the operator says: this host, loopback, link-local, multicast, class E and broadcast. */
const NEVER_REACHABLE: readonly Prefix4[] = prefixes(
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
);

/** Reserved unicast: private, shared, documentation, benchmarking and protocol assignments. */
const RESERVED: readonly Prefix4[] = prefixes(
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
);

/** The refused destinations of one configuration; pool addresses are never among them, for they are hairpins. */
export class DestinationPolicy {
  readonly #refused: readonly Prefix4[];
  /** Indexed by an address's first octet: whether any refused prefix begins with it. */
  readonly #isSuspect: Uint8Array = new Uint8Array(256);
  readonly #hosts: Int32Array;
  readonly #pool: Int32Array;

  /** `hostAddresses` are the host's own, which may include pool addresses: these stay reachable. */
  constructor(allowReserved: boolean, hostAddresses: readonly Ip4[], pool: readonly Ip4[]) {
    this.#refused = allowReserved ? NEVER_REACHABLE : [...NEVER_REACHABLE, ...RESERVED];
    for (const p of this.#refused) {
      const last = (p.address >>> 24) + (p.length < 8 ? (1 << (8 - p.length)) - 1 : 0);
      this.#isSuspect.fill(1, p.address >>> 24, last + 1);
    }
    this.#hosts = Int32Array.from(hostAddresses).sort();
    this.#pool = Int32Array.from(pool).sort();
    for (const a of hostAddresses) this.#isSuspect[a >>> 24] = 1;
  }

  /** Whether a client may send to `a`, the 32 bits of an address, signed or not. */
  mayReach(a: Ip4): boolean {
    if (this.#isSuspect[a >>> 24] === 0) return true;
    if (has(this.#pool, a)) return true;
    if (has(this.#hosts, a)) return false;
    for (let i = 0; i < this.#refused.length; i++) if (contains(this.#refused[i]!, a)) return false;
    return true;
  }

  /** Drops the pending packets of `b`, whole IPv4 packets of clients, whose destination is refused. */
  check(b: PacketBatch): void {
    const pkt = b.arena.view;
    for (let i = 0; i < b.count; i++) {
      if (b.verdict[i] !== Verdict.pending) continue;
      // Signed, because V8 boxes an unsigned argument wherever it does not inline the call.
      if (!this.mayReach((dst(pkt, b.at[i]! as Ipv4At) | 0) as Ip4)) b.drop(i, DropReason.policyReserved);
    }
  }
}

/** Whether `sorted`, addresses as int32, has `a`. */
const has = (sorted: Int32Array, a: Ip4): boolean => {
  const wanted = a | 0;
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && sorted[low] === wanted;
};
