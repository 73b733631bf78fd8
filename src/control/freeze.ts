// Frozen all the way down, so that nobody who is handed the configuration can change it for the others.

/** Freezes `value` and everything that it is made of, and returns it. Objects with private state freeze their outside only. */
export const deepFreeze = <T>(value: T): T => {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
};
