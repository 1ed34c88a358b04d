import { DEFAULT_TENANT } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { GatewayConfig } from './gateway.config.ts';

/** On whose behalf DIMSE peers act: of the gateway's tenant, to send and to read. */
export function gatewayScope(config: GatewayConfig): Scope {
  return { tenant: config.tenant ?? DEFAULT_TENANT, roles: ['send', 'read'] };
}
