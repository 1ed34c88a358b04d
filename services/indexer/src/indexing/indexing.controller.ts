import { Controller, Inject } from '@nestjs/common';
import { INGEST_TOPIC, INSTANCE_RECEIVED } from '@cairn/archive';
import type { DeliveredEvent, EventFailure } from '@cairn/event-bus';
import { EventBatch } from '@cairn/platform-nest/messaging';
import { IndexingService } from './indexing.service.ts';

/** Takes what the ingest announces off the event bus. */
@Controller()
export class IndexingController {
  readonly #indexing: IndexingService;

  constructor(@Inject(IndexingService) indexing: IndexingService) {
    this.#indexing = indexing;
  }

  /** An outage is retried for as long as it lasts; what can never be indexed is reported as such and becomes a dead letter. */
  @EventBatch({ topic: INGEST_TOPIC, group: 'indexer', types: [INSTANCE_RECEIVED], maxAttempts: Number.MAX_SAFE_INTEGER })
  index(events: readonly DeliveredEvent[]): Promise<readonly EventFailure[]> {
    return this.#indexing.index(events);
  }
}
