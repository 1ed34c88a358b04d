import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { patchRequestQueue } from '../../src/kafka/request-queue-patch.ts';

interface Queue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

describe('patchRequestQueue', () => {
  it('leaves no timer running on an idle connection, and checks while requests wait or the broker throttles', () => {
    patchRequestQueue();
    const requestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (options: object) => Queue;
    const queue = new requestQueue({ maxInFlightRequests: 1, requestTimeout: 1000, logger: { debug: () => undefined } });
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
    queue.pending.push({});
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    queue.destroy();
    queue.pending.pop();
    queue.throttledUntil = Date.now() + 10_000;
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    queue.destroy();
  });
});
