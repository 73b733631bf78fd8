// The gateway's configuration in the demonstration: what an operator would write for one client and one external address.

import { Address, MUX, SATP_PORT } from './world.ts';

/** What differs from one demonstration to the next. */
export interface ConfigParts {
  /** Absolute path. */
  readonly stateDir: string;
  /** As `http.listen`. */
  readonly http: string;
  /** The client's keys as they stand in its entry: `keyFile: FILE`, or `key: HEX, salt: HEX`. */
  readonly key: string;
}

/** The text of anygate.yaml. */
export const gatewayConfig = (parts: ConfigParts): string => `\
# Written by \`anygate demo\`; it goes when the demonstration ends.
node:    { name: demo, stateDir: ${parts.stateDir} }
satp:    { listen: ["${Address.gateway}:${SATP_PORT}"] }
clients:
  - { name: demo, mux: ${MUX}, addresses: [${Address.innerClient}/32], ${parts.key} }
relay:
  address: ${Address.innerGateway}
  device: { name: anygate0, mtu: 1400 }
  pool: [${Address.pool}]
policy:  { allowReserved: true }   # The Internet of the demonstration has addresses that are reserved for documentation.
http:    { listen: "${parts.http}" }
`;
