// Looks at a machine, and at what a configuration wants of it, before the gateway does: each check finds one thing and says which
// command mends it. Nothing is changed. A check that itself fails is a finding, not the end of the examination.

import { GatewayError } from '../base/errors.ts';
import { fileChecks } from './doctor-files.ts';
import { machineChecks } from './doctor-machine.ts';
import { networkChecks } from './doctor-network.ts';
import { type Check, fail, type NamedFinding, type Patient } from './finding.ts';
import { CommandFailure } from './host-system.ts';

/** Every check by name, in the order in which they are shown. */
export const checks: Readonly<Record<string, Check>> = { ...machineChecks, ...networkChecks, ...fileChecks };

const examineOne = async (name: string, check: Check, patient: Patient): Promise<NamedFinding> => {
  try {
    return { name, ...(await check(patient)) };
  } catch (error) {
    const cure = error instanceof CommandFailure ? error.cure : undefined;
    const prefix = error instanceof GatewayError || error instanceof CommandFailure ? '' : 'cannot be checked: ';
    return { name, ...fail(`${prefix}${(error as Error).message}`, cure) };
  }
};

/** Does all checks, or those that are `wanted`. */
export const examine = async (
  patient: Patient,
  wanted: Readonly<Record<string, Check>> = checks,
): Promise<readonly NamedFinding[]> =>
  await Promise.all(Object.entries(wanted).map(([name, check]) => examineOne(name, check, patient)));
