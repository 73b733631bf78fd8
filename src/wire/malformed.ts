// The one answer of every `check()` in this layer for octets that are not a whole header. Malformed input is the normal case for a
// gateway, so it is a value and never an exception; the caller compares, drops and counts.

/** What `check()` returns instead of an offset. */
export const malformed = -1;
export type Malformed = typeof malformed;
