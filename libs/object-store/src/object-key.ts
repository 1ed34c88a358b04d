import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';

const MAX_KEY_LENGTH = 1024;
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/** Throws `object-store.invalid-key` unless `key` is well formed and lies below `<area>/<tenant of the scope>/`. */
export function requireKey(scope: Scope, key: string): void {
  const segments = key.split('/');
  if (segments.length < 3 || key.length > MAX_KEY_LENGTH || !segments.every(isSegment)) throw malformed();
  requireTenant(scope, segments[1]!);
}

/** Throws `object-store.invalid-key` unless `prefix` begins with `<area>/<tenant of the scope>/`; its last segment may be cut short. */
export function requirePrefix(scope: Scope, prefix: string): void {
  const segments = prefix.split('/');
  const last = segments.pop()!;
  const lastFits = last === '' || SEGMENT.test(last);
  if (segments.length < 2 || prefix.length > MAX_KEY_LENGTH || !lastFits || !segments.every(isSegment)) throw malformed();
  requireTenant(scope, segments[1]!);
}

function isSegment(segment: string): boolean {
  return SEGMENT.test(segment) && segment !== '.' && segment !== '..';
}

function requireTenant(scope: Scope, tenant: string): void {
  if (tenant !== scope.tenant) throw new CairnError('object-store.invalid-key', 'The key belongs to another tenant.');
}

function malformed(): CairnError {
  return new CairnError('object-store.invalid-key', 'The key is not <area>/<tenant>/<name…> of A-Z, a-z, 0-9, ".", "_" and "-".');
}
