import type { Logger, Scope } from '@cairn/core';
import type { InstanceReceipt } from '@cairn/metadata-store';
import type { ObjectStore } from '@cairn/object-store';
import { isUnreadable, rescan } from '../ingest/rescan.ts';

/** Receipts handed on together: bounded in number and in characters of text. */
const MAX_RECEIPTS = 200;
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** Objects read at a time; the scan itself is one thread's work. */
const READ_AHEAD = 4;

/** What became of landing objects that were scanned again. */
export interface RescanCounts {
  scanned: number;
  unreadable: number;
}

/** Where {@link rescanInBatches} reads, and where it counts. */
export interface RescanPorts {
  objectStore: ObjectStore;
  logger: Logger;
  counts: RescanCounts;
}

/**
 * Scans landing objects again and gives their receipts in bounded batches, in the order of `keys`. An unreadable object is logged,
 * counted and left out; an outage of the store ends the walk with its error.
 */
export async function* rescanInBatches(ports: RescanPorts, scope: Scope, keys: readonly string[]): AsyncGenerator<InstanceReceipt[]> {
  let batch: InstanceReceipt[] = [];
  let characters = 0;
  for (let start = 0; start < keys.length; start += READ_AHEAD) {
    const scans = keys.slice(start, start + READ_AHEAD).map((key) => rescanReadable(ports, scope, key));
    for (const receipt of await Promise.all(scans)) {
      if (receipt === undefined) continue;
      batch.push(receipt);
      characters += receipt.header.length + receipt.bulk.length + (receipt.pixels?.length ?? 0);
    }
    if (batch.length < MAX_RECEIPTS && characters < MAX_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

async function rescanReadable(
  { objectStore, logger, counts }: RescanPorts,
  scope: Scope,
  key: string,
): Promise<InstanceReceipt | undefined> {
  try {
    const receipt = await rescan(objectStore, scope, key);
    if (receipt !== undefined) counts.scanned += 1;
    return receipt;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    counts.unreadable += 1;
    logger.error({ key, code: error.code }, 'index.unreadable-object');
    return undefined;
  }
}
