// The part of OpenSSL's libcrypto that SATP needs, function by function (see crypto(7), EVP_EncryptInit(3), SHA1_Init(3)). The node
// binary brings libcrypto along and usually exports it; where a distribution's node does not, the system's libcrypto.so.3 serves.
//
// A pointer is a `bigint`: an address above 2^31 would be boxed anew at every call if it were a number, a bigint that is kept is not.
// It is handed over fastest as `void*`, and a null pointer as an integer zero.

import koffi from 'koffi';
import { GatewayError } from '../base/errors.ts';

/** Functions of libcrypto, named as in its manual. Those that return `int` return 1 for success unless their manual says otherwise. */
export interface Libcrypto {
  /** Where the functions came from: `node` or a library's name. */
  readonly origin: string;
  readonly EVP_CIPHER_fetch: (libraryContext: 0, name: string, properties: null) => number | bigint;
  readonly EVP_CIPHER_CTX_new: () => number | bigint;
  /** Overwrites the key schedule; the context can be used again. */
  readonly EVP_CIPHER_CTX_reset: (context: bigint) => number;
  readonly EVP_CipherInit_ex: (
    context: bigint,
    cipher: bigint | 0,
    engine: 0,
    key: bigint,
    iv: bigint | null,
    encipher: 0 | 1,
  ) => number;
  readonly EVP_Cipher: (context: bigint, out: bigint, input: bigint, length: number) => number;
  readonly SHA1_Init: (context: bigint) => number;
  readonly SHA1_Update: (context: bigint, data: bigint, length: number) => number;
}

const prototypes: Readonly<Record<Exclude<keyof Libcrypto, 'origin'>, string>> = {
  EVP_CIPHER_fetch: 'uintptr_t EVP_CIPHER_fetch(uintptr_t, const char*, const char*)',
  EVP_CIPHER_CTX_new: 'uintptr_t EVP_CIPHER_CTX_new()',
  EVP_CIPHER_CTX_reset: 'int EVP_CIPHER_CTX_reset(void*)',
  EVP_CipherInit_ex: 'int EVP_CipherInit_ex(void*, uintptr_t, uintptr_t, void*, void*, int)',
  EVP_Cipher: 'int EVP_Cipher(void*, void*, void*, uint)',
  SHA1_Init: 'int SHA1_Init(void*)',
  SHA1_Update: 'int SHA1_Update(void*, void*, size_t)',
};

/** Where libcrypto is looked for, in order; `null` is this process. */
export const libcryptoOrigins: readonly (string | null)[] = [null, 'libcrypto.so.3'];

/** Loads libcrypto from the first of `origins` that has every function. @throws {GatewayError} ERR_LIBRARY */
export const loadLibcrypto = (origins: readonly (string | null)[] = libcryptoOrigins): Libcrypto => {
  const failures: unknown[] = [];
  for (const name of origins) {
    try {
      // Deep: a library must call its own functions, not those of the same name that this node may bring along.
      const library = name === null ? koffi.load(name) : koffi.load(name, { deep: true });
      const functions = Object.entries(prototypes).map(([symbol, prototype]) => [symbol, library.func(prototype)]);
      return { origin: name ?? 'node', ...Object.fromEntries(functions) } as Libcrypto;
    } catch (failure) {
      failures.push(failure);
    }
  }
  throw new GatewayError(
    'ERR_LIBRARY',
    `neither ${origins.map((o) => o ?? 'this node').join(' nor ')} offers OpenSSL 3; install libssl3 (Debian) or use the node of nodejs.org`,
    { cause: new AggregateError(failures) },
  );
};
