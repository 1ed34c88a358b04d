import { DimseServer } from '@cairn/dimse';
import type { Listener, ServerHandlers } from '@cairn/dimse';
import { Inject } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Admission } from './association/admission.ts';
import { GatewayMonitor } from './gateway-monitor.ts';
import type { GatewayConfig } from './gateway.config.ts';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from './gateway.ports.ts';
import type { GatewayPorts } from './gateway.ports.ts';
import { ServiceClasses } from './service-classes.ts';

const DEFAULT_DRAIN_MS = 20_000;

/** The DIMSE listeners, from the application's start to its shutdown. */
export class DicomGateway implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #config: GatewayConfig;
  readonly #ports: GatewayPorts;
  readonly #server: DimseServer;
  #addresses: readonly { host: string; port: number; tls: boolean }[] = [];

  constructor(
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(GATEWAY_PORTS) ports: GatewayPorts,
    @Inject(ServiceClasses) services: ServiceClasses,
    @Inject(GatewayMonitor) monitor: GatewayMonitor,
  ) {
    this.#config = config;
    this.#ports = ports;
    this.#server = new DimseServer(serverOptions(config, ports), { ...services.handlers, ...this.#associationHandlers(monitor) });
  }

  /** Where it listens: the real ports, the plain one first, then TLS. Empty before the application's bootstrap. */
  addresses(): readonly { host: string; port: number; tls: boolean }[] {
    return this.#addresses;
  }

  /** Associations open now. */
  get associations(): number {
    return this.#server.associations;
  }

  /** Rejects with `runtime.start-failed` when a port cannot be opened. */
  async onApplicationBootstrap(): Promise<void> {
    this.#addresses = await this.#server.listen();
    this.#ports.logger.info({ addresses: this.#addresses }, 'gateway.listening');
  }

  /** Lets running operations end, up to the drain time. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#server.close(this.#config.timeouts?.drainMs ?? DEFAULT_DRAIN_MS);
  }

  #associationHandlers(monitor: GatewayMonitor): Pick<ServerHandlers, 'onAssociate' | 'onAssociated' | 'onAssociationClosed'> {
    const admission = new Admission(this.#config);
    const { logger, metrics } = this.#ports;
    return {
      onAssociate: (request, peer) => {
        const decision = admission.decide(request, peer);
        if (!('rejection' in decision)) return decision;
        const { calledAet, callingAet } = request;
        logger.warn({ calledAet, callingAet, address: peer.address, ...decision.rejection }, 'gateway.association-refused');
        metrics?.associationRejected();
        return decision;
      },
      onAssociated: (association) => monitor.associationOpened(association),
      onAssociationClosed: (association, error) => monitor.associationClosed(association, error),
    };
  }
}

function serverOptions(config: GatewayConfig, ports: GatewayPorts): ConstructorParameters<typeof DimseServer>[0] {
  const listeners: Listener[] = [{ host: config.host, port: config.port }];
  if (config.tls) listeners.push({ host: config.host, port: config.tls.port, tls: config.tls });
  const { artimMs = 30_000, idleMs = 60_000, responseMs = 60_000, sendMs = 30_000 } = config.timeouts ?? {};
  return {
    listeners,
    maxAssociations: config.maxAssociations ?? 200,
    artimMs,
    idleMs,
    responseTimeoutMs: responseMs,
    sendTimeoutMs: sendMs,
    logger: ports.logger,
  };
}
