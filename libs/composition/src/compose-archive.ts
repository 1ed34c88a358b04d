import { ArchiveRetriever, Commitments, IngestPipeline, JournalWriter, QueryPlanner } from '@cairn/archive';
import type { CommitmentService, InstanceReceiver, InstanceRetriever, QueryEngine } from '@cairn/archive';
import type { CairnConfig } from '@cairn/config';
import { UlidFactory } from '@cairn/core';
import type { Logger } from '@cairn/core';
import type { Metrics } from '@cairn/telemetry';
import type { Stores } from './open-stores.ts';

/** The domain's parts on the stores. */
export interface Archive {
  receiver: InstanceReceiver & { close(): Promise<void> };
  queries: QueryEngine;
  retriever: InstanceRetriever;
  commitments: CommitmentService;
  journal: JournalWriter;
}

/** Composes the domain. `onEventLost` is told when an instance is durable but its event was given up. */
export function composeArchive(
  config: CairnConfig,
  stores: Stores,
  { metrics, logger, onEventLost }: { metrics: Metrics; logger: Logger; onEventLost: () => void },
): Archive {
  const ports = { ...stores, logger, ulids: new UlidFactory() };
  const observer = {
    received: (protocol: string, outcome: string, sizeBytes: number) => {
      metrics.instancesReceived.inc({ protocol, outcome });
      if (outcome === 'stored') metrics.bytesReceived.inc({ protocol }, sizeBytes);
    },
    eventLost: () => {
      metrics.eventsLost.inc();
      onEventLost();
    },
  };
  const { CAIRN_MAX_INSTANCE_BYTES: maxInstanceBytes, CAIRN_DEFAULT_ISSUER: defaultIssuer } = config;
  const receiver = new IngestPipeline(
    { ...ports, observer },
    { defaultIssuer: () => defaultIssuer, ...(maxInstanceBytes === undefined ? {} : { maxInstanceBytes }) },
  );
  metrics.sample(metrics.eventSpoolDepth, {}, () => receiver.waitingEvents);
  return {
    receiver,
    queries: new QueryPlanner(stores.metadataStore),
    retriever: new ArchiveRetriever(stores.objectStore, stores.metadataStore, logger),
    commitments: new Commitments(ports, { indexWaitMs: config.CAIRN_COMMITMENT_WAIT_S * 1000 }),
    journal: new JournalWriter(ports),
  };
}
