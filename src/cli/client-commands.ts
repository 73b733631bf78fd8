// What to type on a client's machine, for a client that was just configured here: the very command lines of the stock daemons. The
// secrets stay in a file; the daemons overwrite them in their argument list as soon as they run.

import type { ClientConfig, Config } from '../control/config.ts';
import { formatIp4 } from '../wire/addr.ts';

/** Command lines for one client. */
export interface ClientCommands {
  readonly anytun: string;
  readonly uanytun: string;
  /** Sets up the device that either daemon made. */
  readonly device: readonly string[];
  /** Our own client. */
  readonly connect: string;
}

/** How the client reaches the gateway, and where its files are over there. */
export interface ClientPlace {
  /** Address or name of the gateway. */
  readonly server: string;
  readonly port: number;
  /** A copy of the key file. */
  readonly keyFile: string;
  /** The configuration of our own client. */
  readonly connectFile: string;
}

/** The device at the client. */
const DEVICE = 'anygate0';

/** `word` as one word for a POSIX shell. */
export const quote = (word: string): string =>
  /^[A-Za-z0-9_./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const algorithm = (bits: number): string => (bits === 0 ? 'null' : `aes-ctr-${bits}`);

const innerAddress = (client: ClientConfig): string => formatIp4(client.addresses[0]!.address);

const daemonLine = (daemon: 'anytun' | 'uanytun', client: ClientConfig, place: ClientPlace): string => {
  const file = quote(place.keyFile);
  const secret = (name: string): string => `"$(sed -n 's/^${name}: //p' ${file})"`;
  return [
    daemon,
    `-r ${quote(place.server)} -o ${place.port} -p ${place.port}`,
    `-t tun -d ${DEVICE}`,
    `-m ${client.mux} -e ${client.role === 'left' ? 'client' : 'server'}`,
    `-c ${algorithm(client.cipher)} -k ${algorithm(client.kdf)} -a ${client.auth} -b ${client.authTagLength}`,
    // The gateway takes a fresh sender id at each start, so a window never locks it out.
    '-w 64',
    `-K ${secret('key')} -A ${secret('salt')}`,
  ].join(' ');
};

/** The command lines for `client` of `config`, whose key is in a key file. */
export const clientCommands = (config: Config, client: ClientConfig, place: ClientPlace): ClientCommands => ({
  anytun: daemonLine('anytun', client, place),
  uanytun: daemonLine('uanytun', client, place),
  device: [
    `ip address add ${innerAddress(client)} peer ${formatIp4(config.relay.address)} dev ${DEVICE}`,
    `ip link set ${DEVICE} mtu ${config.relay.device.mtu} up`,
  ],
  connect: `anygate connect --config ${quote(place.connectFile)}`,
});

/** The configuration of our own client for `client`. It holds the key. */
export const connectConfig = (config: Config, client: ClientConfig, { server, port }: ClientPlace): string => {
  const hex = (secret: ClientConfig['masterKey']): string => Buffer.from(secret.reveal()).toString('hex');
  const fields = {
    gateway: `${server.includes(':') ? `[${server}]` : server}:${port}`,
    mux: client.mux,
    role: client.role === 'left' ? 'right' : 'left',
    kdf: algorithm(client.kdf),
    cipher: algorithm(client.cipher),
    authTagLength: client.authTagLength,
    key: hex(client.masterKey),
    salt: hex(client.masterSalt),
    stateDir: '/var/lib/anygate-client',
    device: { name: DEVICE, mtu: config.relay.device.mtu, address: `${innerAddress(client)}/24` },
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
};
