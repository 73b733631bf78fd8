// What the client's two threads say to each other. The one that carries packets has no event loop: what it must hear stands in shared
// words, which it reads when the doorbell has rung.

import type { Counters } from '../base/counters.ts';
import type { Family } from '../io/socket-address.ts';
import type { Ip4 } from '../wire/addr.ts';
import type { GatewayKeys } from './plain-client.ts';

/** What the thread needs to begin; file descriptors are the process's. */
export interface ClientStart {
  readonly keys: GatewayKeys;
  readonly senderId: number;
  readonly replayWindow: number;
  /** The client's own inner address. */
  readonly address: Ip4;
  /** One endpoint row: the gateway's. */
  readonly uplink: Uint32Array;
  readonly socket: { readonly fd: number; readonly family: Family };
  readonly tunFd: number;
  readonly wakeupFd: number;
  readonly counters: Counters;
  /** See {@link ClientWord}. */
  readonly words: Int32Array;
}

/** Words that the main thread writes: 1 to stop, and a fresh sender id plus 1 when one was asked for. */
export const ClientWord = { stop: 0, senderId: 1 } as const;
/** What the thread posts when its sequence numbers run out. */
export const NEED_SENDER_ID = 'needSenderId';
