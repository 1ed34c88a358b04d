import { CairnError } from '@cairn/core';
import type { QueryPage, QueryPlan } from '../query.ts';
import type { Database } from './database.ts';

export async function runQuery(_db: Database, _tenantId: number, _plan: QueryPlan, _aborted: () => boolean): Promise<QueryPage> {
  throw new CairnError('internal.unexpected', 'not yet');
}
