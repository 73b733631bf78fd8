// `anygate init`: a first configuration with one client and a fresh key, and what to type on that client. What it writes passes
// `anygate check`, or nothing is written.

import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { GatewayError } from '../base/errors.ts';
import { examineText, summarize } from '../control/config.ts';
import { formatKeyFile } from '../control/key-file.ts';
import { type ClientCommands, clientCommands, connectConfig, quote } from './client-commands.ts';
import { generateKeys, type KdfName, kdfOption } from './keygen.ts';
import { refuseExisting, writePrivateFile } from './private-file.ts';

interface InitOptions {
  readonly config: string;
  readonly client: string;
  readonly mux: string;
  readonly server?: string;
  readonly pool?: string;
  readonly egress?: string;
  readonly kdf: KdfName;
  readonly force?: true;
  readonly json?: true;
}

/** Behind masquerade the pool is seen by nobody but this host, so any private prefix does. */
const MASQUERADE_POOL = '10.98.0.0/29';
const PORT = 4444;

/** This host's first address that others can reach, for a hint that is right more often than not. */
const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === 'IPv4')?.address;

const yamlText = (text: string): string => JSON.stringify(text);

const configText = (options: InitOptions, keyFile: string): string => {
  const pool = (options.pool ?? MASQUERADE_POOL).split(',').map((entry) => yamlText(entry.trim()));
  const egress = options.egress ?? (options.pool === undefined ? 'masquerade' : 'routed');
  // Of an address that is the host's own, only a range of ports is the clients'.
  const ports = egress === 'shared' ? '\n  ports: 40000-59999             # leave these to the clients' : '';
  return `# Configuration of an Anygate gateway. Everything that is not here has a default: see docs/config.md.
# After a change: anygate check FILE && anygate reload --config FILE

clients:
  - name: ${yamlText(options.client)}
    mux: ${Number(options.mux)}
    keyFile: ${yamlText(keyFile)}      # key and salt; the client needs a copy
    kdf: ${options.kdf}
    addresses: [10.99.0.2/32]    # what the client may send from

relay:
  address: 10.99.0.1             # the gateway's own inner address
  pool: [${pool.join(', ')}]     # external addresses
  egress: ${egress.padEnd(22)} # routed | shared | masquerade${ports}
`;
};

/** What was written and what to do with it. */
interface Initialized {
  readonly config: string;
  readonly keyFile: string;
  readonly connectFile: string;
  readonly server: string;
  readonly commands: ClientCommands;
}

const explain = ({ config, keyFile, connectFile, server, commands }: Initialized, isGuess: boolean): string => `Wrote
  ${config}   the configuration
  ${keyFile}   the client's key and salt
  ${connectFile}   the same for our own client
Only this user may read the last two; keep it so.

On this host:
  anygate doctor --config ${quote(config)}
  anygate serve --config ${quote(config)}

On the client, as root, with a copy of ${keyFile} made over a safe channel, one of:
  ${commands.anytun}
  ${commands.uanytun}
and then:
${commands.device.map((line) => `  ${line}`).join('\n')}
  ip route add 192.0.2.0/24 dev anygate0        # or whatever shall go through the gateway
Or, with a copy of ${connectFile}, our own client (comes with a later version):
  ${commands.connect}
${isGuess ? `\n${server} is a guess: clients must use the address at which they reach this host (--server).\n` : ''}`;

const init = (options: InitOptions): void => {
  if (!/^\d{1,5}$/.test(options.mux)) throw new GatewayError('ERR_USAGE', '--mux must be a number from 0 to 65535');
  const force = options.force === true;
  const directory = dirname(options.config);
  const keyName = `keys/${options.client}`;
  const keyFile = join(directory, keyName);
  const connectFile = join(directory, 'keys', `${options.client}.json`);
  refuseExisting([options.config, keyFile, connectFile], { force });
  const { key, salt } = generateKeys(options.kdf);
  const text = configText(options, keyName);
  // The key file is not there yet, so the check gets the key itself.
  const inline = text.replace(
    /^ {4}keyFile: .*$/m,
    `    key: ${key.toString('hex')}\n    salt: ${salt.toString('hex')}`,
  );
  const { config, problems } = examineText(inline, options.config);
  const client = config?.clients[0];
  if (config === undefined || client === undefined) {
    throw new GatewayError('ERR_USAGE', `these options make ${summarize('the new file', problems)}`);
  }
  const server = options.server ?? ownAddress() ?? 'GATEWAY';
  const place = { server, port: PORT, keyFile: options.client, connectFile: `${options.client}.json` };
  writePrivateFile(keyFile, formatKeyFile(key, salt), { force });
  writePrivateFile(connectFile, connectConfig(config, client, place), { force });
  writePrivateFile(options.config, text, { force, mode: 0o644 });
  const done = {
    config: options.config,
    keyFile,
    connectFile,
    server,
    commands: clientCommands(config, client, place),
  };
  process.stdout.write(
    options.json ? `${JSON.stringify(done, undefined, 2)}\n` : explain(done, options.server === undefined),
  );
};

/** The command. */
export const initCommand = (): Command =>
  new Command('init')
    .description('write a configuration with a fresh key, and say what to type on the client')
    .option('-c, --config <file>', 'the configuration to write', './anygate.yaml')
    .option('--client <name>', 'name of the first client', 'alice')
    .option('--mux <number>', 'its SATP mux', '1')
    .option('--server <address>', 'address at which clients reach this host (default: a guess)')
    .option('--pool <list>', `external addresses, separated by commas (default: ${MASQUERADE_POOL}, masqueraded)`)
    .addOption(
      new Option('--egress <kind>', 'how the pool reaches this host').choices(['routed', 'shared', 'masquerade']),
    )
    .addOption(kdfOption())
    .option('--force', 'replace files that exist, keys too')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ anygate init                                               a gateway behind this host's own address
  $ anygate init --pool 198.51.100.16/29 --server 203.0.113.7  one with addresses of its own
  $ anygate init --config /etc/anygate/anygate.yaml --client office --kdf aes-ctr-256`,
    )
    .action(init);
