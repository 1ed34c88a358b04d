import type { DynamicModule } from '@nestjs/common';
import type { Runtime } from '@cairn/composition';
import { CommitmentReporter } from './commitment/commitment-reporter.ts';
import { CommitmentScp } from './commitment/commitment-scp.ts';
import { FindScp } from './find/find-scp.ts';
import { DicomGateway } from './gateway.ts';
import { gatewayMetrics } from './gateway-metrics.ts';
import { GatewayMonitor } from './gateway-monitor.ts';
import { gatewayConfig } from './gateway-settings.ts';
import type { GatewayConfig } from './gateway.config.ts';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from './gateway.ports.ts';
import type { GatewayPorts } from './gateway.ports.ts';
import { GetScp } from './retrieve/get-scp.ts';
import { MoveScp } from './retrieve/move-scp.ts';
import { ServiceClasses } from './service-classes.ts';
import { StoreScp } from './store/store-scp.ts';

export { DicomGateway } from './gateway.ts';
export type { GatewayConfig, GatewayTimeouts, Peer } from './gateway.config.ts';
export type { GatewayMetrics, GatewayPorts } from './gateway.ports.ts';

/** The DIMSE door of the archive. `app.get(DicomGateway).addresses()` tells the real ports. */
export class DicomGatewayModule {
  /** As the process is configured. */
  static forRuntime({ config, archive, logger, metrics }: Runtime): DynamicModule {
    return DicomGatewayModule.forRoot(gatewayConfig(config), { ...archive, logger, metrics: gatewayMetrics(metrics) });
  }

  /** Listens from the application's bootstrap; `app.close()` drains. */
  static forRoot(config: GatewayConfig, ports: GatewayPorts): DynamicModule {
    return {
      module: DicomGatewayModule,
      providers: [
        { provide: GATEWAY_CONFIG, useValue: config },
        { provide: GATEWAY_PORTS, useValue: ports },
        StoreScp,
        FindScp,
        GetScp,
        MoveScp,
        CommitmentScp,
        GatewayMonitor,
        ServiceClasses,
        CommitmentReporter,
        DicomGateway,
      ],
      exports: [DicomGateway],
    };
  }
}
