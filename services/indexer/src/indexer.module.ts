import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Runtime } from '@cairn/composition';
import { INDEXER_CONFIG, INDEXER_DEFAULTS, INDEXER_PORTS } from './indexer.tokens.ts';
import type { IndexerConfig, IndexerPorts } from './indexer.tokens.ts';
import { IndexingController } from './indexing/indexing.controller.ts';
import { IndexingService } from './indexing/indexing.service.ts';

export { INDEXER_DEFAULTS } from './indexer.tokens.ts';
export type { IndexerConfig, IndexerPorts } from './indexer.tokens.ts';
export { IndexingService } from './indexing/indexing.service.ts';

/**
 * Brings what was received into the index. The host connects the event bus as the transport of the module's handler
 * (`EventBusStrategy`); the indexer is ready when that is subscribed and `IndexingService.readiness` passes.
 */
@Module({})
export class IndexerModule {
  /** As the process is configured. */
  static forRuntime({ config, stores, archive, logger, metrics }: Runtime): DynamicModule {
    return IndexerModule.forRoot(
      { reconcileIntervalMs: config.CAIRN_RECONCILE_INTERVAL_S * 1000, duplicateGraceMs: config.CAIRN_DUPLICATE_GRACE_S * 1000 },
      { ...stores, journal: archive.journal, logger, metrics },
    );
  }

  /** Settings left out have their defaults. */
  static forRoot(config: Partial<IndexerConfig>, ports: IndexerPorts): DynamicModule {
    return {
      module: IndexerModule,
      controllers: [IndexingController],
      providers: [
        IndexingService,
        { provide: INDEXER_CONFIG, useValue: { ...INDEXER_DEFAULTS, ...config } },
        { provide: INDEXER_PORTS, useValue: ports },
      ],
      exports: [IndexingService],
    };
  }
}
