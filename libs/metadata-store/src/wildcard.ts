/** True when the pattern (`*` any run, `?` one character, no escape) covers the whole text. Time ≤ pattern × text, no backtracking tree. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const wanted = Array.from(pattern);
  const given = Array.from(text);
  let [patternAt, textAt] = [0, 0];
  // Where to go on when a later character does not fit: the last `*` takes one character more.
  let [starAt, starText] = [-1, 0];
  while (textAt < given.length) {
    if (wanted[patternAt] === '*') [starAt, starText] = [patternAt++, textAt];
    else if (wanted[patternAt] === '?' || wanted[patternAt] === given[textAt]) {
      patternAt += 1;
      textAt += 1;
    } else if (starAt >= 0) [patternAt, textAt] = [starAt + 1, ++starText];
    else return false;
  }
  while (wanted[patternAt] === '*') patternAt += 1;
  return patternAt === wanted.length;
}

/** True when the text has a wildcard character. */
export function hasWildcard(text: string): boolean {
  return /[*?]/.test(text);
}

/** The runs of characters that every match contains. */
export function literalsOf(pattern: string): readonly string[] {
  return pattern.split(/[*?]+/).filter((literal) => literal !== '');
}
