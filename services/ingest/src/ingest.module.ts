import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Runtime } from '@cairn/composition';
import { DEFAULT_TENANT, systemScope } from '@cairn/core';
import { INGEST_CONFIG, INGEST_DEFAULTS, INGEST_PORTS } from './ingest.tokens.ts';
import type { IngestConfig, IngestPorts } from './ingest.tokens.ts';
import { StoreService } from './stow/store.service.ts';
import { StowController } from './stow/stow.controller.ts';

export { INGEST_DEFAULTS } from './ingest.tokens.ts';
export type { IngestConfig, IngestPorts } from './ingest.tokens.ts';
export { httpStatusOf } from '@cairn/dicomweb';

/** The web's way in: STOW-RS under `/dicom-web`. */
@Module({})
export class IngestModule {
  /** As the process is configured. */
  static forRuntime({ archive, logger }: Runtime): DynamicModule {
    return IngestModule.forRoot({}, { receiver: archive.receiver, scopeOf: () => systemScope(DEFAULT_TENANT), logger });
  }

  /** Settings left out have their defaults. */
  static forRoot(config: Partial<IngestConfig>, ports: IngestPorts): DynamicModule {
    return {
      module: IngestModule,
      controllers: [StowController],
      providers: [
        StoreService,
        { provide: INGEST_CONFIG, useValue: { ...INGEST_DEFAULTS, ...config } },
        { provide: INGEST_PORTS, useValue: ports },
      ],
    };
  }
}
