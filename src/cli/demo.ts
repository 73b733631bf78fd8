// `anygate demo`: a client, the gateway and a third party on this one machine, with real traffic, and what each of them saw. It is a
// test as much as a show: it fails if anybody sees what they should not.

import { constants } from 'node:os';
import { Command, Option } from 'commander';
import { GatewayError } from '../base/errors.ts';
import { MemoryWorld } from './demo/memory-world.ts';
import { type ClientKind, NamespaceWorld } from './demo/namespace-world.ts';
import { obstacleToNamespaces } from './demo/namespaces.ts';
import { Printer } from './demo/print.ts';
import { isInstalled } from './demo/processes.ts';
import { type Report, tell } from './demo/story.ts';
import type { World } from './demo/world.ts';

interface DemoOptions {
  readonly client?: ClientKind;
  readonly memory?: true;
  readonly keep?: true;
  readonly json?: true;
}

/** The exit code of a process that a signal has ended, as a shell tells it. */
const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

const chooseClient = (wanted: ClientKind | undefined): { client: ClientKind; description: string } => {
  if (wanted === 'uanytun' && !isInstalled('uanytun')) {
    throw new GatewayError(
      'ERR_HOST_SETUP',
      'uanytun is not installed (Debian: apt install uanytun); leave --client away for our own',
    );
  }
  if (wanted === 'own') return { client: 'own', description: 'our own client, as asked for' };
  if (isInstalled('uanytun')) return { client: 'uanytun', description: 'uanytun, the unmodified daemon' };
  return { client: 'own', description: 'our own client, for uanytun is not installed' };
};

const chooseWorld = async (options: DemoOptions): Promise<World> => {
  const obstacle = options.memory ? '--memory asks for this' : await obstacleToNamespaces();
  if (obstacle === undefined) return new NamespaceWorld(chooseClient(options.client));
  if (options.client === 'uanytun') {
    throw new GatewayError('ERR_HOST_SETUP', `uanytun needs a network namespace, and there is none: ${obstacle}`);
  }
  return new MemoryWorld(obstacle);
};

/**
 * Aborts, with the signal as reason, at the first signal that ends the demonstration, or when nobody reads along any more. At the
 * second signal the process ends as it is, which cleans up, too.
 */
const interruptible = (): AbortSignal => {
  const interrupt = new AbortController();
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (interrupt.signal.aborted) process.exit(codeOf(name));
      interrupt.abort(name);
    });
  }
  process.stdout.on('error', () => interrupt.abort('SIGPIPE'));
  return interrupt.signal;
};

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    // Something has to keep the process alive meanwhile.
    const alive = setInterval(() => {}, 2 ** 30);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });

const printDoors = (print: Printer, world: World): void =>
  print.list('It goes on until Ctrl-C, or until this process is told to end', [
    ...world.doors,
    `To end it               kill ${process.pid}`,
  ]);

const printNext = (print: Printer, world: World, options: DemoOptions): void => {
  const next = [
    'bin/anygate init         write a configuration with fresh keys, and the client’s command line',
    'bin/anygate doctor       what this host lacks to be a gateway',
  ];
  if (world.kind === 'namespaces') {
    next.unshift('npm run demo -- --keep   look around in it: shells at all three, status page, metrics');
  } else if (process.geteuid?.() !== 0) {
    next.unshift('sudo npm run demo        the same with real devices, sockets and processes');
  }
  const nothingKept = options.keep === true ? ' (in memory, --keep has nothing to keep)' : '';
  print.list(`All is as it should be, and nothing is left behind${nothingKept}. What to try next`, next);
};

const demo = async (options: DemoOptions): Promise<void> => {
  const interrupt = interruptible();
  const world = await chooseWorld(options);
  const isKept = options.keep === true && world.kind === 'namespaces';
  const screen = options.json ? { write: () => true } : process.stdout;
  const print = new Printer(screen, process.env);
  let report: Report;
  try {
    report = await tell(world, print, interrupt);
    if (isKept) {
      printDoors(print, world);
      if (options.json) printJson({ ...report, doors: world.doors, pid: process.pid });
      await abortOf(interrupt);
    }
  } catch (error) {
    // An interrupt from the terminal also ends what the demonstration was just doing, and that failure is none.
    if (!interrupt.aborted) throw error;
    process.stderr.write('interrupted; everything that was set up is being removed\n');
    process.exitCode = codeOf(interrupt.reason);
    return;
  } finally {
    await world.close();
  }
  if (isKept) return;
  printNext(print, world, options);
  if (options.json) printJson(report);
};

const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
};

/** The command. */
export const demoCommand = (): Command =>
  new Command('demo')
    .description('show the gateway at work on this machine, with a client and a third party')
    .addOption(
      new Option('--client <which>', 'who connects; uanytun if it is installed, else our own').choices([
        'own',
        'uanytun',
      ]),
    )
    .option('--keep', 'leave it running, to look around in it, until Ctrl-C')
    .option('--memory', 'run it in memory even if this user is root')
    .option('--json', 'print what happened as JSON')
    .addHelpText(
      'after',
      `
As root it makes network namespaces, which go when it ends; the machine's own network is not touched.
Otherwise, or without the command ip or /dev/net/tun, it runs in memory and says so.

Examples:
  $ sudo anygate demo
  $ sudo anygate demo --keep --client own
  $ npm run demo -- --keep`,
    )
    .action(demo);
