// Failures that are our own fault. Packets never get here (they are dropped and counted), nor does an operator's mistake
// (that is a GatewayError): a broken invariant kills the shard and the supervisor starts a new one.

/** A state that the code promises never to reach. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws an {@link InvariantError} unless `condition` holds; `promise` says what should have been true. */
export function invariant(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new InvariantError(`broken invariant: ${promise}`);
}
