import { createRequire } from 'node:module';

/** The part of kafkajs 2.2.4's internal request queue that {@link patchRequestQueue} replaces. */
interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  throttledUntil: number;
  pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const IDLE_CHECK_MS = 10;

/**
 * kafkajs 2.2.4 keeps a 1 ms timer running on every idle connection, because "not throttled" is a time in the past. With the patch a
 * timer runs only while the broker throttles or requests wait. Before the first connection; harmless when repeated.
 */
export function patchRequestQueue(): void {
  const queueClass = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  queueClass.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId !== null) return;
    const throttledMs = this.throttledUntil - Date.now();
    if (throttledMs <= 0 && this.pending.length === 0) return;
    const check = (): void => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    };
    this.throttleCheckTimeoutId = setTimeout(check, throttledMs > 0 ? throttledMs : IDLE_CHECK_MS);
  };
}
