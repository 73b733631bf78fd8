// Scenes for the tests of restarts: a client with a past, all of which somebody has recorded.

import assert from 'node:assert/strict';
import { seconds } from '../../src/base/time.ts';
import { type Arrival, at, Client, Gateway, type GatewayOptions, ping } from './lab.ts';
import { NaiveCrypto } from './naive.ts';

/** Where the client lives, where it may move to, and where somebody replays what was recorded. */
export const home: Uint32Array = at(1);
export const away: Uint32Array = at(2);
export const replayer: Uint32Array = at(66);

/** A gateway and a client that have a past together. */
export interface Scene {
  readonly gateway: Gateway;
  readonly client: Client;
  readonly crypto: NaiveCrypto;
  /** Every datagram of the client's first life. */
  readonly captured: readonly Buffer[];
}

let saying = 0;

/** The client's next datagram, with something in it that is said only once. */
export const say = (client: Client): Buffer => {
  const inner = ping();
  inner.writeUInt32BE(++saying, 40);
  return client.datagram(inner);
};

/** A client that has sent `packets`, all different, from home. */
export const lived = (packets = 200, options: GatewayOptions = {}): Scene => {
  const crypto = new NaiveCrypto();
  const gateway = new Gateway({ crypto, ...options });
  const client = new Client();
  const captured = Array.from({ length: packets }, () => say(client));
  for (const datagram of captured) gateway.receive({ datagram, from: home });
  return { gateway, client, crypto, captured };
};

/** The client starts anew and proves it. */
export const restarted = ({ gateway, client }: Scene, from: Uint32Array = home): void => {
  client.restart();
  gateway.pass(seconds(2));
  const { sent } = gateway.receive({ datagram: say(client), from });
  assert.equal(sent.length, 1, 'a challenge');
  gateway.receive({ datagram: client.answer(sent[0]!.datagram)!, from });
  assert.equal(gateway.satp.view(0)!.lines[0]!.highest, client.sequence - 1);
};

/** How many of `arrivals` are delivered. */
export const deliveredOf = (gateway: Gateway, arrivals: readonly Arrival[]): number =>
  arrivals.reduce((n, arrival) => n + gateway.receive(arrival).delivered.length, 0);
