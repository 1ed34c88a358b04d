import { CairnError } from './errors.ts';

/** What a caller may do: `read` queries and retrieves, `write` stores over the web, `send` stores by DIMSE, `admin` all. */
export type Role = 'read' | 'write' | 'send' | 'admin';

/** On whose behalf a call is made. First argument of every port method, query, event and retrieve. */
export interface Scope {
  /** `[a-z0-9-]{1,64}`; `default` until a deployment has more. */
  readonly tenant: string;
  /** Only studies with one of these labels are visible; undefined: all of the tenant. */
  readonly labels?: readonly string[];
  readonly roles: readonly Role[];
}

/** The tenant of callers that name none. */
export const DEFAULT_TENANT = 'default';

/** Tenant of a subscription to the events of all tenants; no data belongs to it. */
export const ALL_TENANTS = '*';

const TENANT = /^(?:[a-z0-9-]{1,64}|\*)$/;

/** The scope of background work in a tenant: every role, no label filter. Throws `config.invalid` for a malformed name. */
export function systemScope(tenant: string): Scope {
  if (!TENANT.test(tenant)) throw new CairnError('config.invalid', 'A tenant name is 1 to 64 of a-z, 0-9 and "-".');
  return { tenant, roles: ['read', 'write', 'send', 'admin'] };
}
