import { readFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { CairnConfig } from '@cairn/config';
import { addressMatcher } from '@cairn/config';
import { CairnError, DEFAULT_TENANT, systemScope } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import { DicomGatewayModule } from '@cairn/dicom-gateway/module';
import type { GatewayConfig, GatewayMetrics } from '@cairn/dicom-gateway/module';
import { IndexerModule } from '@cairn/indexer/module';
import { IngestModule } from '@cairn/ingest/module';
import { HealthModule } from '@cairn/platform-nest';
import type { HealthOptions } from '@cairn/platform-nest';
import { QueryRetrieveModule } from '@cairn/query-retrieve/module';
import type { Metrics } from '@cairn/telemetry';
import type { Archive } from './archive.ts';
import type { EmbeddedStores } from './embedded.ts';

/** What the module is composed of. */
export interface StandaloneParts {
  config: CairnConfig;
  stores: EmbeddedStores;
  archive: Archive;
  metrics: Metrics;
  logger: Logger;
  health: HealthOptions;
}

/** Every service in one process. */
@Module({})
export class StandaloneModule {
  static forRoot({ config, stores, archive, metrics, logger, health }: StandaloneParts): DynamicModule {
    const scopeOf = (): Scope => systemScope(DEFAULT_TENANT);
    return {
      module: StandaloneModule,
      imports: [
        HealthModule.forRoot(health),
        IndexerModule.forRoot(
          { duplicateGraceMs: config.CAIRN_DUPLICATE_GRACE_S * 1000 },
          { ...stores, journal: archive.journal, logger, metrics },
        ),
        IngestModule.forRoot({}, { receiver: archive.receiver, scopeOf, logger }),
        QueryRetrieveModule.forRoot({ maxLimit: config.CAIRN_QUERY_MAX_RESULTS }, { ...archive, scopeOf }),
        DicomGatewayModule.forRoot(gatewayConfig(config), { ...archive, logger, metrics: gatewayMetrics(metrics) }),
      ],
    };
  }
}

function gatewayConfig(config: CairnConfig): GatewayConfig {
  return {
    host: config.CAIRN_HOST,
    port: config.CAIRN_DICOM_PORT,
    aeTitle: config.CAIRN_AE_TITLE,
    calledAets: [config.CAIRN_AE_TITLE, ...config.CAIRN_DICOM_CALLED_AETS],
    peers: new Map(config.CAIRN_DICOM_PEERS.map(({ aet, host, port }) => [aet, { host, port }])),
    maxAssociations: config.CAIRN_DICOM_MAX_ASSOCIATIONS,
    timeouts: { idleMs: config.CAIRN_DICOM_IDLE_TIMEOUT_S * 1000, drainMs: config.CAIRN_DRAIN_TIMEOUT_S * 1000 },
    ...allowedCallers(config),
    ...tls(config),
  };
}

function allowedCallers(config: CairnConfig): Pick<GatewayConfig, 'allowedCallers'> {
  if (config.CAIRN_DICOM_CALLERS.length === 0) return {};
  return {
    allowedCallers: config.CAIRN_DICOM_CALLERS.map(({ aet, cidr }) =>
      cidr === undefined ? { aet } : { aet, permits: addressMatcher([cidr]) },
    ),
  };
}

function tls(config: CairnConfig): Pick<GatewayConfig, 'tls'> {
  const { CAIRN_DICOM_TLS_PORT: port, CAIRN_DICOM_TLS_CERT: cert, CAIRN_DICOM_TLS_KEY: key, CAIRN_DICOM_TLS_CLIENT_CA: clientCa } = config;
  if (port === undefined || cert === undefined || key === undefined) return {};
  return {
    tls: {
      port,
      cert: pem('CAIRN_DICOM_TLS_CERT', cert),
      key: pem('CAIRN_DICOM_TLS_KEY', key),
      ...(clientCa === undefined ? {} : { clientCa: pem('CAIRN_DICOM_TLS_CLIENT_CA', clientCa) }),
    },
  };
}

function pem(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CairnError('config.invalid', `Configuration: the file that ${name} names cannot be read.`, { cause: error });
  }
}

function gatewayMetrics(metrics: Metrics): GatewayMetrics {
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
