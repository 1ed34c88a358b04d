import type { ElementSource, Predicate } from '../../match.ts';

/**
 * A match, whose row is made when it is wanted, as JSON text for a page; a number of matches passed over; or a moment to
 * let other calls in.
 */
export type Match = (() => string) | number | 'pause';

/** JSON text of an object with members whose own texts are at hand: nothing stored is parsed to be sent. */
export function jsonWith(fields: object, members: Readonly<Record<string, string | undefined>>): string {
  let text = JSON.stringify(fields).slice(0, -1);
  for (const [name, member] of Object.entries(members)) {
    if (member !== undefined) text += `${text === '{' ? '' : ','}"${name}":${member}`;
  }
  return `${text}}`;
}

/** True when every clause holds. */
export function allHold(predicates: readonly Predicate[], source: ElementSource): boolean {
  return predicates.every((holds) => holds(source));
}
