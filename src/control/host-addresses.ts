// The host's own IPv4 addresses: what a client must never reach through the relay.

import { networkInterfaces } from 'node:os';
import { type Ip4, parseIp4 } from '../wire/addr.ts';

/** Every IPv4 address that an interface of this host has now, loopback included. */
export const hostAddresses = (): Ip4[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((a) => a.family === 'IPv4')
    .map((a) => parseIp4(a.address))
    .filter((a) => a !== undefined);
