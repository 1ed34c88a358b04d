import type { Metrics } from '@cairn/telemetry';
import type { GatewayMetrics } from './gateway.ports.ts';

/** Feeds the process's metrics. */
export function gatewayMetrics(metrics: Metrics): GatewayMetrics {
  return {
    associationOpened: () => {
      metrics.associations.inc();
      return (outcome) => {
        metrics.associations.dec();
        metrics.associationsTotal.inc({ outcome });
      };
    },
    associationRejected: () => metrics.associationsTotal.inc({ outcome: 'rejected' }),
    requestServed: (command, status) => metrics.dimseMessages.inc({ command, status: statusClass(status) }),
  };
}

/** Classes of PS3.7 annex C. */
function statusClass(status: number): string {
  if (status === 0) return 'success';
  if (status === 0xfe00) return 'cancelled';
  return status === 0xb000 || (status & 0xf000) === 0xb000 || status === 0x0107 || status === 0x0116 ? 'warning' : 'failure';
}
