import type { DeliveredEvent, EventFailure } from '@cairn/event-bus';
import { markFailed, startSpan, traced } from '@cairn/telemetry';
import type { EventBatchOptions } from './event-batch.decorator.ts';

/**
 * Traces the handling of a batch. Its events come from many traces: each of those gets a span of its own, linked to that of the batch,
 * so that a trace leads from whoever published an event to whoever handled it.
 */
export function tracedBatch(
  { topic, group }: EventBatchOptions,
  events: readonly DeliveredEvent[],
  handle: () => Promise<readonly EventFailure[]>,
): Promise<readonly EventFailure[]> {
  const attributes = { 'messaging.destination.name': topic, 'messaging.consumer.group.name': group };
  const described = {
    kind: 'consumer',
    parent: null,
    attributes: { ...attributes, 'messaging.batch.message_count': events.length },
  } as const;
  return traced(`process batch of ${topic}`, described, async (batch) => {
    const spans = events.flatMap(({ id, traceparent }) => {
      if (traceparent === undefined) return [];
      return [{ id, span: startSpan(`process ${topic}`, { kind: 'consumer', parent: traceparent, attributes, links: [batch] }) }];
    });
    const failed = new Map(spans.map(({ id }) => [id, 'handler-failed']));
    try {
      const failures = await handle();
      failed.clear();
      for (const { id, retriable } of failures) failed.set(id, retriable ? 'to-be-retried' : 'dead-letter');
      return failures;
    } finally {
      for (const { id, span } of spans) {
        const failure = failed.get(id);
        if (failure !== undefined) markFailed(span, failure);
        span.end();
      }
    }
  });
}
