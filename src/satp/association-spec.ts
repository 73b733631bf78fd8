// What the operator says about one association, resolved: keys derived, names turned into numbers. It crosses thread borders, so it
// is plain data.

import type { Duration } from '../base/time.ts';
import type { Ip4 } from '../wire/addr.ts';
import type { AssociationKeys } from './crypto.ts';

/** How an authentic packet below the replay window is treated (a restarted client, or a replay). */
export type RestartPolicy =
  | { readonly kind: 'challenge' }
  | { readonly kind: 'strict' }
  | { readonly kind: 'after-silence'; readonly silence: Duration };

/** One client's association as configured. */
export interface AssociationSpec {
  /** The client's unique name; for people only. */
  readonly name: string;
  readonly mux: number;
  readonly device: 'tun' | 'tap';
  readonly keys: AssociationKeys;
  /** A number that tells these keys from others, without telling them; what is remembered of them is found by it. 0: nothing is. */
  readonly identity: number;
  readonly restart: RestartPolicy;
  /** Where inner-echo challenges go when the packet that provokes one has no IPv4 source; 0 if there is no such address. */
  readonly innerAddress: Ip4 | 0;
}

const isSameOctets = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((octet, i) => octet === b[i]);

/** Whether the two seal and open in the same way with the same keys, so that one may go on as the other. */
export const isSameAssociation = (a: AssociationSpec, b: AssociationSpec): boolean =>
  a.mux === b.mux &&
  a.device === b.device &&
  a.keys.cipher === b.keys.cipher &&
  a.keys.kdf === b.keys.kdf &&
  a.keys.auth === b.keys.auth &&
  a.keys.tagLength === b.keys.tagLength &&
  a.keys.role === b.keys.role &&
  isSameOctets(a.keys.masterKey, b.keys.masterKey) &&
  isSameOctets(a.keys.masterSalt, b.keys.masterSalt);
