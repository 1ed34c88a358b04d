import type { ElementSource, Predicate } from '../../match.ts';
import type { QueryRow } from '../../query.ts';

/** A match, whose row is made when it is wanted; or a moment to let other calls in. */
export type Match = (() => QueryRow) | 'pause';

/** True when every clause holds. */
export function allHold(predicates: readonly Predicate[], source: ElementSource): boolean {
  return predicates.every((holds) => holds(source));
}
