import type { Metrics } from '@cairn/telemetry';
import { statusClass } from './gateway-monitor.ts';
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
    requestServed: (command, status, seconds) => {
      metrics.dimseMessages.inc({ command, status: statusClass(status) });
      metrics.dimseSeconds.observe({ command }, seconds);
    },
  };
}
