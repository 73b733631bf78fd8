// Capabilities of an unprivileged gateway (capabilities(7)). One that was granted CAP_NET_ADMIN by its file or its container can use
// it, but the commands it starts (`ip`, `nft`, `sysctl`) would lose it at exec unless it is in the ambient set.

import { Arena } from '../base/arena.ts';
import { capget, capset, pin, prctl } from './native.ts';

/** Capabilities by number. */
export const Capability = { netBindService: 10, netAdmin: 12, netRaw: 13 } as const;

const VERSION_3 = 0x20080522;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
// struct __user_cap_header_struct, then two of __user_cap_data_struct for capabilities 0..31 and 32..63.
const DATA = 8;
const EFFECTIVE = DATA;
const PERMITTED = DATA + 4;
const INHERITABLE = DATA + 8;

const memory = new Arena(DATA + 24);

/** Whether this thread has `capability` in its effective set. */
export const hasCapability = (capability: number): boolean => read() && (word(EFFECTIVE) & (1 << capability)) !== 0;

/**
 * Lets child processes of this thread inherit `capability`; returns whether they will. Does nothing, and returns false, for a
 * capability that this thread is not permitted.
 */
export const passToChildren = (capability: number): boolean => {
  if (!read() || (word(PERMITTED) & (1 << capability)) === 0) return false;
  memory.view.setUint32(INHERITABLE, word(INHERITABLE) | (1 << capability), true);
  if (capset(memory.address, memory.address + DATA) !== 0) return false;
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) === 0;
};

const read = (): boolean => {
  pin(memory);
  memory.view.setUint32(0, VERSION_3, true);
  memory.view.setInt32(4, 0, true);
  return capget(memory.address, memory.address + DATA) === 0;
};

const word = (at: number): number => memory.view.getUint32(at, true);
