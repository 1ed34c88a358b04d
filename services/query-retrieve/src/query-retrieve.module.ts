import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Runtime } from '@cairn/composition';
import { DEFAULT_TENANT, systemScope } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { InstancesController } from './instances/instances.controller.ts';
import { MetadataController } from './metadata/metadata.controller.ts';
import { PixelsController } from './pixels/pixels.controller.ts';
import { QidoController } from './qido/qido.controller.ts';
import { QidoService } from './qido/qido.service.ts';
import { QUERY_RETRIEVE_CONFIG, QUERY_RETRIEVE_DEFAULTS, QUERY_RETRIEVE_PORTS } from './query-retrieve.tokens.ts';
import type { QueryRetrieveConfig, QueryRetrievePorts } from './query-retrieve.tokens.ts';

export { QUERY_RETRIEVE_DEFAULTS } from './query-retrieve.tokens.ts';
export type { QueryRetrieveConfig, QueryRetrievePorts } from './query-retrieve.tokens.ts';
export { httpStatusOf } from '@cairn/dicomweb';

/** The web's way out: QIDO-RS and WADO-RS under `/dicom-web`. */
@Module({})
export class QueryRetrieveModule {
  /** As the process is configured. */
  static forRuntime({ config, archive }: Runtime): DynamicModule {
    const { queries, retriever } = archive;
    const scopeOf = (): Scope => systemScope(DEFAULT_TENANT);
    return QueryRetrieveModule.forRoot({ maxLimit: config.CAIRN_QUERY_MAX_RESULTS }, { queries, retriever, scopeOf });
  }

  /** Settings left out have their defaults. */
  static forRoot(config: Partial<QueryRetrieveConfig>, ports: QueryRetrievePorts): DynamicModule {
    return {
      module: QueryRetrieveModule,
      controllers: [QidoController, MetadataController, InstancesController, PixelsController],
      providers: [
        QidoService,
        { provide: QUERY_RETRIEVE_CONFIG, useValue: { ...QUERY_RETRIEVE_DEFAULTS, ...config } },
        { provide: QUERY_RETRIEVE_PORTS, useValue: ports },
      ],
    };
  }
}
