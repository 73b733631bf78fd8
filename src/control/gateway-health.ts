// What `/readyz` says, check by check. A check is cheap and looks at the thing itself where that is possible.

import { accessSync, constants } from 'node:fs';
import type { Tun } from '../io/tun.ts';
import type { Check } from './gateway-control.ts';
import type { Resources } from './resources.ts';
import type { ShardSupervisor } from './shard-supervisor.ts';

/** The parts of a gateway that checks look at. */
export interface HealthSubjects {
  readonly shard: ShardSupervisor;
  readonly resources: Resources;
  readonly isDraining: boolean;
}

const isWritable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const isDeviceUp = (device: Tun): boolean => {
  try {
    return device.isUp;
  } catch {
    return false;
  }
};

/** Whether the host still has the device; somebody may have deleted it. */
export const doesDeviceExist = (device: Tun): boolean => {
  try {
    return device.mtu > 0;
  } catch {
    return false;
  }
};

/** Looks at everything. */
export const checkHealth = (subjects: HealthSubjects): readonly Check[] => {
  const { shard, resources, isDraining } = subjects;
  const { isHostSetUp, device, sockets, state } = resources;
  const deviceUp = isDeviceUp(device);
  const writable = isWritable(state.path);
  return [
    { name: 'shards', ok: shard.isUp, detail: shard.isUp ? '1 of 1 runs' : 'the shard is down and will be restarted' },
    { name: 'sockets', ok: sockets.length > 0, detail: `${sockets.length} open` },
    {
      name: 'device',
      ok: deviceUp,
      detail: `${device.name} is ${deviceUp ? 'up' : 'down or gone; restart the gateway'}`,
    },
    { name: 'host', ok: isHostSetUp, detail: isHostSetUp ? 'set up' : 'not set up; see the log' },
    { name: 'state', ok: writable, detail: `${state.path} is ${writable ? '' : 'not '}writable` },
    { name: 'accepting', ok: !isDraining, detail: isDraining ? 'draining' : 'accepting' },
  ];
};
