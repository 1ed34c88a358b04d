import { rebuildIndex } from '@cairn/archive';
import type { RebuildProgress } from '@cairn/archive';
import { openStores } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';
import { DEFAULT_TENANT } from '@cairn/core';
import { Metrics, createLogger } from '@cairn/telemetry';

/** Progress lines are at least so far apart. */
const PROGRESS_INTERVAL_MS = 1_000;

/** `cairn rebuild-index`: makes the index anew from landing objects and journal, telling its progress. */
export async function rebuildIndexCommand(config: CairnConfig): Promise<number> {
  const logger = createLogger(config.CAIRN_LOG_LEVEL);
  const stores = await openStores(config, { metrics: new Metrics(), logger });
  let printedMs = Date.now();
  const onProgress = (progress: RebuildProgress): void => {
    if (Date.now() - printedMs < PROGRESS_INTERVAL_MS) return;
    printedMs = Date.now();
    process.stdout.write(`${lineOf(progress)} so far\n`);
  };
  try {
    const results = await rebuildIndex({ ...stores, logger, tenants: [DEFAULT_TENANT], onProgress });
    for (const result of results) process.stdout.write(`Index rebuilt: ${lineOf(result)}\n`);
    return 0;
  } finally {
    await stores.close();
  }
}

function lineOf({ tenant, instances, facts, unreadable }: RebuildProgress): string {
  const rest = unreadable === 0 ? '' : `, ${unreadable} unreadable objects left out`;
  return `${instances} instances and ${facts} journal facts of tenant ${tenant}${rest}`;
}
