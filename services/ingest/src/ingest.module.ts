import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
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
