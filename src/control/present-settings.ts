// The settings that the shard runs under, made of the configuration and of what the host looks like. Which sender id they name decides
// whether a keystream could be used twice: a fresh one for each shard, and for each change by which an association begins to count at 0.

import type { ShardSettings } from '../dataplane/settings.ts';
import type { Ip4 } from '../wire/addr.ts';
import type { Config } from './config.ts';
import { beginsAssociation, shardSettings } from './shard-settings.ts';

/** Gives out sender ids that were never used. */
export interface SenderIdSource {
  /** @throws {GatewayError} ERR_SENDER_IDS_EXHAUSTED, ERR_STATE_DIR */
  lease(): number;
}

/** What the shard was told last. */
export class PresentSettings {
  readonly #senderIds: SenderIdSource;
  readonly #readAddresses: () => Ip4[];
  #settings: ShardSettings | undefined;
  #addresses = '';

  /** `readAddresses` returns the host's own addresses as they are now. */
  constructor(senderIds: SenderIdSource, readAddresses: () => Ip4[]) {
    this.#senderIds = senderIds;
    this.#readAddresses = readAddresses;
  }

  /** The settings of a new shard. */
  fresh(config: Config): ShardSettings {
    return this.#make(config, this.#senderIds.lease());
  }

  /** The settings after a change of the configuration, for the shard that runs. */
  changed(config: Config): ShardSettings {
    const former = this.#settings!;
    const settings = this.#make(config, former.senderId);
    return beginsAssociation(former, settings) ? this.fresh(config) : settings;
  }

  /** The settings with the host's addresses of now, or undefined if these are what they were. */
  afterHostChange(config: Config): ShardSettings | undefined {
    return this.#listAddresses() === this.#addresses ? undefined : this.#make(config, this.#settings!.senderId);
  }

  /** Runs `change`; if it fails, the settings are what they were before. */
  async during(change: () => Promise<void>): Promise<void> {
    const former = this.#settings;
    try {
      await change();
    } catch (error) {
      this.#settings = former;
      throw error;
    }
  }

  #make(config: Config, senderId: number): ShardSettings {
    this.#addresses = this.#listAddresses();
    this.#settings = shardSettings(config, { senderId, hostAddresses: this.#readAddresses() });
    return this.#settings;
  }

  #listAddresses(): string {
    return this.#readAddresses()
      .sort((a, b) => a - b)
      .join();
  }
}
