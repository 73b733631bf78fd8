// What a gateway holds of its host for as long as it runs: state directory, sockets, TUN device, and the host's settings. Taken in an
// order in which each can be given back, and given back in reverse, whether the gateway ends well or fails half way.

import type { Logger } from 'pino';
import { Capability, passToChildren } from '../io/capabilities.ts';
import { SystemRandom } from '../io/random.ts';
import { SenderIds } from '../io/sender-ids.ts';
import { openStateDir, type StateDir } from '../io/state-dir.ts';
import { openTun, type Tun } from '../io/tun.ts';
import { openTuntap2 } from '../io/tuntap2-driver.ts';
import { openUdpSocket, type UdpSocket } from '../io/udp-socket.ts';
import type { Config } from './config.ts';
import type { HostPlanInput } from './host-plan.ts';
import { HostSetup } from './host-setup.ts';
import { NumberJournal } from './number-journal.ts';
import { CAPACITY } from './shard-settings.ts';

/** Everything that must be given back. */
export interface Resources {
  readonly state: StateDir;
  readonly senderIds: SenderIds;
  readonly numbers: NumberJournal;
  readonly sockets: readonly UdpSocket[];
  readonly device: Tun;
  /** The changes to the host that are in force; a reload may replace them. */
  host: HostSetup;
  /** False while the host is half changed, or a change could neither be made nor undone. */
  isHostSetUp: boolean;
}

/** The part of all sender ids at which their end is announced: years ahead, if gateways are not started every minute. */
const FEW_SENDER_IDS = 1 / 8;

const saveNumbers = (numbers: NumberJournal, log: Logger): void => {
  try {
    numbers.saveAll();
  } catch (err) {
    log.error({ err }, 'the numbers of clients were not saved; the next start takes up older ones');
  }
};

/** What `config` asks of the host; the device's name is what its driver says. */
export const hostPlanInput = ({ relay }: Config, device: Tun): HostPlanInput => ({
  egress: relay.egress,
  device: { name: device.name, mtu: relay.device.mtu },
  pool: relay.pool,
  ports: relay.ports,
});

/**
 * Takes what `config` needs. Whatever was taken is on `stack`, which its owner disposes of, also when this throws.
 *
 * @throws {GatewayError} ERR_STATE_DIR, ERR_SOCKET, ERR_TUN_OPEN, ERR_TUN_DRIVER, ERR_HOST_SETUP
 */
export const takeResources = async (config: Config, log: Logger, stack: AsyncDisposableStack): Promise<Resources> => {
  // An unprivileged gateway runs ip and nft, which need the capability as much as it does.
  passToChildren(Capability.netAdmin);
  const state = openStateDir(config.node.stateDir);
  stack.defer(() => state.release());
  await HostSetup.recover(state, log);
  const random = new SystemRandom();
  const senderIds = new SenderIds(state, config.node.senderIds, random);
  const { low, high } = config.node.senderIds;
  const { remaining } = senderIds;
  if (remaining <= (high - low + 1) * FEW_SENDER_IDS)
    log.warn({ remaining }, 'sender ids run out; give every client a new key before there are none left');
  const numbers = new NumberJournal(state, CAPACITY.clients, random);
  // After the host was put back, which must not wait for a slow disk.
  stack.defer(() => saveNumbers(numbers, log));
  const sockets = config.satp.listen.map((listen) => {
    const socket = openUdpSocket(listen);
    stack.defer(() => socket.close());
    return socket;
  });
  const { driver, name, mtu } = config.relay.device;
  const device = driver === 'tuntap2' ? await openTuntap2(mtu) : openTun({ name, mtu });
  stack.defer(() => device.release());
  const resources: Resources = {
    state,
    senderIds,
    numbers,
    sockets,
    device,
    host: new HostSetup(hostPlanInput(config, device), state, log),
    isHostSetUp: false,
  };
  stack.defer(() => resources.host.undo());
  await resources.host.apply();
  resources.isHostSetUp = true;
  return resources;
};

/**
 * Changes the host from what `from` asks of it to what `to` asks.
 *
 * @throws {GatewayError} ERR_HOST_SETUP; the host is as before if {@link Resources.isHostSetUp} says so.
 */
export const changeHost = async (resources: Resources, from: Config, to: Config, log: Logger): Promise<void> => {
  const { device, state, host } = resources;
  const input = hostPlanInput(to, device);
  const isSame = JSON.stringify(input) === JSON.stringify(hostPlanInput(from, device));
  if (isSame && resources.isHostSetUp) return;
  resources.isHostSetUp = false;
  try {
    await host.undo();
    const changed = new HostSetup(input, state, log);
    await changed.apply();
    resources.host = changed;
    resources.isHostSetUp = true;
  } catch (error) {
    await host.apply();
    resources.isHostSetUp = true;
    throw error;
  }
};
