// A process that opens a TUN device and sets the host up, standing in for the gateway: it prints each packet that comes out of the
// device and writes into it each line of hex that it is given. SIGTERM undoes and ends it. With `failAt` or `killAt` the n-th change
// fails, or the process kills itself right after it.

import { readSync, writeSync } from 'node:fs';
import { GatewayError } from '../../src/base/errors.ts';
import { readHostFacts } from '../../src/control/host-facts.ts';
import { readWorld } from '../../src/control/host-journal.ts';
import type { HostPlanInput } from '../../src/control/host-plan.ts';
import { type HostAccess, type HostLog, HostSetup } from '../../src/control/host-setup.ts';
import { CommandFailure, type HostSystem, hostSystem } from '../../src/control/host-system.ts';
import { openStateDir } from '../../src/io/state-dir.ts';
import { openTun } from '../../src/io/tun.ts';

/** What the parent wants of it. */
export interface ChildOrders {
  readonly stateDir: string;
  /** Absent: recover and end. */
  readonly input?: HostPlanInput;
  readonly failAt?: number;
  readonly killAt?: number;
}

const orders = JSON.parse(process.argv[2]!) as ChildOrders;
const print = (line: string): void => {
  writeSync(1, `${line}\n`);
};

let changes = 0;
const isChange = (argv: readonly string[]): boolean =>
  argv[0] === 'nft' ? argv[1] !== '-c' : ['add', 'del', 'set'].includes(argv[2]!);

const before = (): void => {
  changes++;
  if (changes === orders.failAt) throw new CommandFailure(['ip', 'x'], 'failed on purpose');
};
const after = (): void => {
  if (changes === orders.killAt) process.kill(process.pid, 'SIGKILL');
};

const sabotaged: HostSystem = {
  ...hostSystem,
  run: async (argv) => {
    if (!isChange(argv)) return await hostSystem.run(argv);
    before();
    const out = await hostSystem.run(argv);
    after();
    return out;
  },
  write: (setting, value) => {
    before();
    hostSystem.write(setting, value);
    after();
  },
};
const access: HostAccess = { system: sabotaged, readFacts: readHostFacts, readWorld };
const log: HostLog = {
  debug: () => {},
  info: (fields, message) => print(`info ${message} ${JSON.stringify(fields)}`),
  warn: (fields, message) => print(`warn ${message} ${JSON.stringify(fields)}`),
};

const main = async (): Promise<void> => {
  const state = openStateDir(orders.stateDir);
  await HostSetup.recover(state, log);
  if (orders.input === undefined) return;
  const { input } = orders;
  const tun = openTun(input.device);
  const setup = new HostSetup(input, state, log, access);
  await setup.apply();
  const fd = tun.queues[0]!;
  const buffer = Buffer.alloc(65536);
  setInterval(() => {
    try {
      for (;;) print(`packet ${buffer.toString('hex', 0, readSync(fd, buffer))}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }, 2);
  process.stdin.on('data', (text) => {
    for (const line of text.toString().split('\n').filter(Boolean)) writeSync(fd, Buffer.from(line, 'hex'));
  });
  process.once('SIGTERM', () => {
    void setup.undo().then(() => {
      print(`undone after ${changes} changes`);
      tun.release();
      process.exit(0);
    });
  });
  print(`ready after ${changes} changes`);
};

main().catch((error: unknown) => {
  print(`failed: ${(error as Error).message}`);
  process.exit(error instanceof GatewayError ? error.exit : 70);
});
