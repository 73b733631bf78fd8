// The clients' side of SATP: seals inner packets as an anytun or uanytun client would, and opens what comes back. It uses the
// gateway's own cryptography, which is held to captured packets of the daemons elsewhere.

import { Arena } from '../../src/base/arena.ts';
import { OpensslCrypto } from '../../src/io/openssl-crypto.ts';
import { BAD_TAG, SCRATCH_BEFORE, SCRATCH_BEHIND } from '../../src/satp/crypto.ts';
import { PacketCrypto } from '../../src/satp/packet-crypto.ts';
import { emitHeader, PAYLOAD, PayloadType } from '../../src/wire/satp.ts';
import { clientKeys, FIRST_MUX } from './keys.ts';

const TAG = 10;
const AT = SCRATCH_BEFORE;
const LARGEST = 2048;

/** Octets by which a datagram is longer than its inner packet. */
export const OVERHEAD: number = PAYLOAD + TAG;

/** Seals and opens one datagram at a time in memory of its own. */
export class Sealer {
  readonly #crypto: PacketCrypto;
  readonly #work = new Arena(SCRATCH_BEFORE + LARGEST + SCRATCH_BEHIND);

  constructor(clients: number) {
    this.#crypto = new PacketCrypto(new OpensslCrypto(), clients);
    for (let client = 0; client < clients; client++) this.#crypto.install(client, clientKeys(FIRST_MUX + client));
  }

  /** Where the inner packet stands that {@link seal} seals. */
  get view(): DataView {
    return this.#work.view;
  }
  get innerAt(): number {
    return AT + PAYLOAD;
  }

  /** Seals the inner packet of `octets`; the datagram returned is overwritten by the next call. */
  seal(client: number, sequence: number, octets: number): Uint8Array {
    emitHeader(this.#work.view, AT, sequence, 0, FIRST_MUX + client, PayloadType.ipv4);
    const end = this.#crypto.seal(this.#work, client, AT, AT + PAYLOAD + octets);
    return this.#work.bytes.subarray(AT, end);
  }

  /** Opens a datagram; the inner packet returned is overwritten by the next call. `undefined` if it is not authentic. */
  open(client: number, datagram: Uint8Array): DataView | undefined {
    this.#work.bytes.set(datagram, AT);
    const end = this.#crypto.open(this.#work, client, AT, AT + datagram.length);
    if (end === BAD_TAG) return undefined;
    return new DataView(this.#work.bytes.buffer, AT + PAYLOAD, end - AT - PAYLOAD);
  }
}
