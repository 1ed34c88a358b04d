/**
 * Prepares a pattern (`*` any run, `?` one character, no escape): true for a text that it covers from start to end. Never more
 * steps than pattern × text.
 */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const wanted = Array.from(pattern.replaceAll(/\*+/g, '*'));
  const leastLength = wanted.filter((character) => character !== '*').length;
  return (text) => {
    const given = Array.from(text);
    return given.length >= leastLength && covers(wanted, given);
  };
}

function covers(wanted: readonly string[], given: readonly string[]): boolean {
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
