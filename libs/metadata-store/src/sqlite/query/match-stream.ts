import type { ElementSource, Predicate } from '../../match.ts';

/**
 * A match, whose row is made when it is wanted, as JSON text of a `QueryRow`; a number of matches passed over; or a moment to
 * let other calls in.
 */
export type Match = (() => string) | number | 'pause';

/** JSON text of an object with members whose own texts are at hand: nothing stored is parsed to be sent. */
export function jsonWith(fields: object, members: Readonly<Record<string, string | undefined>>): string {
  const parts = Object.entries(members).flatMap(([name, text]) => (text === undefined ? [] : [`"${name}":${text}`]));
  const own = JSON.stringify(fields).slice(1, -1);
  return `{${[...(own === '' ? [] : [own]), ...parts].join(',')}}`;
}

/** True when every clause holds. */
export function allHold(predicates: readonly Predicate[], source: ElementSource): boolean {
  return predicates.every((holds) => holds(source));
}
