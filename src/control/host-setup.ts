// Sets the host up for the relay and puts it back: on stop, on failure half way, and, by way of the journal, at the start after a kill.

import { GatewayError } from '../base/errors.ts';
import { type HostFacts, readHostFacts } from './host-facts.ts';
import { type JournalStore, readJournal, readWorld, writeJournal } from './host-journal.ts';
import { type HostPlanInput, planHost } from './host-plan.ts';
import { type HostStep, needsLaterUndone, perform, revert } from './host-steps.ts';
import { CommandFailure, type HostSystem, hostSystem } from './host-system.ts';

/** Takes log lines; a pino logger is one. */
export interface HostLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What tests replace. */
export interface HostAccess {
  readonly system: HostSystem;
  readFacts(system: HostSystem, device: string): Promise<HostFacts>;
  readWorld(): string;
}

const realAccess: HostAccess = { system: hostSystem, readFacts: readHostFacts, readWorld };

const explain = (describe: string, cause: unknown): GatewayError => {
  if (cause instanceof GatewayError)
    return new GatewayError(cause.code, `cannot ${describe}: ${cause.message}`, { cause });
  const cure = cause instanceof CommandFailure && cause.cure !== undefined ? `; ${cause.cure}` : '';
  return new GatewayError('ERR_HOST_SETUP', `cannot ${describe}: ${(cause as Error).message}${cure}`, { cause });
};

/** Undoes `steps` from the last to the first; returns those that could not be undone, which the log has explained. */
const undoAll = async (system: HostSystem, steps: readonly HostStep[], log: HostLog): Promise<HostStep[]> => {
  const stuck: HostStep[] = [];
  for (const step of steps.toReversed()) {
    if (stuck.length > 0 && needsLaterUndone(step)) {
      stuck.unshift(step);
      continue;
    }
    try {
      await revert(system, step);
      log.debug({ step: step.describe }, 'host change undone');
    } catch (error) {
      stuck.unshift(step);
      log.warn({ step: step.describe, reason: explain('undo it', error).message }, 'host change not undone');
    }
  }
  return stuck;
};

/** The changes that one gateway makes to its host. */
export class HostSetup {
  readonly #input: HostPlanInput;
  readonly #store: JournalStore;
  readonly #log: HostLog;
  readonly #access: HostAccess;
  #taken: HostStep[] = [];
  #world = '';

  /** `store` is the locked state directory. The device of `input` need not exist before {@link apply}. */
  constructor(input: HostPlanInput, store: JournalStore, log: HostLog, access: HostAccess = realAccess) {
    this.#input = input;
    this.#store = store;
    this.#log = log;
    this.#access = access;
  }

  /**
   * Undoes what an earlier process left behind. To be called with the state directory locked and before the device is opened.
   *
   * @throws {GatewayError} ERR_HOST_SETUP if something could not be undone; the journal keeps it for the next attempt.
   */
  static async recover(store: JournalStore, log: HostLog, access: HostAccess = realAccess): Promise<void> {
    const world = access.readWorld();
    const steps = readJournal(store, world);
    if (steps.length === 0) return;
    log.warn({ steps: steps.length }, 'putting back what an earlier run left changed on this host');
    await HostSetup.#settle(store, world, await undoAll(access.system, steps, log));
  }

  /**
   * Changes the host. The device must exist.
   *
   * @throws {GatewayError} ERR_HOST_SETUP; then the host is as it was.
   */
  async apply(): Promise<void> {
    const { system, readFacts } = this.#access;
    this.#world = this.#access.readWorld();
    const facts = await readFacts(system, this.#input.device.name).catch((error: unknown) => {
      throw explain('look at the host', error);
    });
    const { steps, warnings } = planHost(this.#input, facts);
    for (const warning of warnings) this.#log.warn({ egress: this.#input.egress }, warning);
    for (const step of steps) {
      try {
        this.#taken.push(step);
        writeJournal(this.#store, this.#world, this.#taken);
        await perform(system, step);
        this.#log.debug({ step: step.describe }, 'host changed');
      } catch (cause) {
        const failure = explain(step.describe, cause);
        await this.undo().catch((error: Error) => this.#log.warn({ reason: error.message }, 'host not as before'));
        throw failure;
      }
    }
    this.#log.info({ egress: this.#input.egress, steps: steps.length }, 'host set up');
  }

  /**
   * Puts the host back; does nothing if nothing was changed. The device may be closed already.
   *
   * @throws {GatewayError} ERR_HOST_SETUP if something could not be undone; the journal keeps it for the next start.
   */
  async undo(): Promise<void> {
    if (this.#taken.length === 0) return;
    const stuck = await undoAll(this.#access.system, this.#taken, this.#log);
    this.#taken = stuck;
    await HostSetup.#settle(this.#store, this.#world, stuck);
  }

  static async #settle(store: JournalStore, world: string, stuck: readonly HostStep[]): Promise<void> {
    writeJournal(store, world, stuck);
    if (stuck.length === 0) return;
    const what = stuck.map((step) => step.describe).join('; ');
    throw new GatewayError(
      'ERR_HOST_SETUP',
      `${stuck.length} changes of this host could not be undone (${what}); the next start tries again, or see \`ip rule\`, \`ip route\` and \`nft list tables\``,
    );
  }
}
