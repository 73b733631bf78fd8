// What did the operator mean? The nearest known word by edit distance, where an exchanged pair of letters counts as one error.
// Case, hyphens and underscores count nothing: `state_dir` is `stateDir`.

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_]/g, '');

/** How many letters must be inserted, removed, replaced or exchanged with their neighbour to turn `a` into `b`. */
export const editDistance = (a: string, b: string): number => {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforePrevious[j - 2]! + 1);
      }
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
};

/** The candidate nearest to `word`, the first of equals; `undefined` if there is none. Compares 64 letters at most. */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
  const wanted = plain(word.slice(0, 64));
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
};
