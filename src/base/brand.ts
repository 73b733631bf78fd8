// Branded types: a value that carries the proof of a check in its type and costs nothing at run time.
// Only the file that defines a brand mints values of it.

declare const brand: unique symbol;

/** A `T` that was made, or proved, to be a `Name`. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
