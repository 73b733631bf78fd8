// The file in which a client's key and salt are kept: lines `key: HEX` and `salt: HEX` (or with `=`), or nothing but the hex of the
// key and then of the salt. Empty lines and lines that start with # mean nothing.

/** What a key file gives, as hex that is yet to be checked. */
export interface KeyFile {
  readonly key?: string;
  readonly salt?: string;
}

/** The text of a key file. */
export const formatKeyFile = (key: Uint8Array, salt: Uint8Array): string =>
  `key: ${Buffer.from(key).toString('hex')}\nsalt: ${Buffer.from(salt).toString('hex')}\n`;

/** Parses a key file; a text that says what is wrong, without quoting it, if it is none. */
export const parseKeyFile = (text: string): KeyFile | string => {
  const found: { key?: string; salt?: string } = {};
  const lines = text.split(/\r?\n/);
  for (const [i, line] of lines.entries()) {
    const words = line.trim();
    if (words === '' || words.startsWith('#')) continue;
    const named = /^(key|salt)\s*[:=]\s*(\S+)$/i.exec(words);
    if (named !== null) {
      const name = named[1]!.toLowerCase() as 'key' | 'salt';
      if (found[name] !== undefined) return `its line ${i + 1} gives a second ${name}`;
      found[name] = named[2]!;
      continue;
    }
    for (const word of words.split(/\s+/)) {
      if (!/^[0-9a-f]+$/i.test(word)) return `its line ${i + 1} is neither "key: HEX", "salt: HEX" nor hex`;
      const name = found.key === undefined ? 'key' : 'salt';
      if (found[name] !== undefined) return `its line ${i + 1} has more hex than a key and a salt`;
      found[name] = word;
    }
  }
  if (found.key === undefined && found.salt === undefined) return 'the file has neither a key nor a salt';
  return found;
};
