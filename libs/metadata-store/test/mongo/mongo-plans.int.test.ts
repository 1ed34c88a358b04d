import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { systemScope } from '@cairn/core';
import type { MetadataStore } from '@cairn/metadata-store';
import { aReceipt, json } from '@cairn/metadata-store/contract';
import mongoose from 'mongoose';
import { dropDatabase, mongoServer, newDatabase, openStore } from './mongo-server.ts';

jest.setTimeout(60_000);
const server = await mongoServer();
const tenant = 'default';
const after = { $gt: '' };

/** The reads of the adapter: collection, filter, sort, and the index that answers. */
const READS: readonly (readonly [string, string, object, Record<string, 1>, string])[] = [
  ['patients in order', 'patients', { tenant, order: after }, { order: 1 }, 'tenant_1_order_1'],
  ['patients by id', 'patients', { tenant, patientId: 'p1', order: after }, { order: 1 }, 'tenant_1_patientId_1_order_1'],
  ['patients by name', 'patients', { tenant, tokens: 'N:doe', order: after }, { order: 1 }, 'tenant_1_tokens_1_order_1'],
  ['studies in order', 'studies', { tenant, order: after }, { order: 1 }, 'tenant_1_order_1'],
  ['studies by Patient ID', 'studies', { tenant, patientId: 'p1', order: after }, { order: 1 }, 'tenant_1_patientId_1_order_1'],
  ['studies by accession', 'studies', { tenant, accessionNumber: 'a', order: after }, { order: 1 }, 'tenant_1_accessionNumber_1_order_1'],
  ['studies by text', 'studies', { tenant, tokens: 'N:doe', order: after }, { order: 1 }, 'tenant_1_tokens_1_order_1'],
  ['studies of a patient', 'studies', { patient: { $in: ['default|%7CP1'] } }, {}, 'patient_1'],
  ['series of a study', 'series', { study: 'default|1.2.1' }, { order: 1 }, 'study_1_order_1'],
  ['series by UID', 'series', { uid: { $in: ['default|1.2.1.1'] } }, {}, 'uid_1'],
  ['instances of a series', 'instances', { series: 'default|1.2.1|1.2.1.1', order: after }, { order: 1 }, 'series_1_order_1'],
  ['instances by UID', 'instances', { sop: { $in: ['default|9.1'] } }, {}, 'sop_1'],
  ['known receipts', 'instances', { known: { $in: ['default|x'] } }, {}, 'known_1'],
  ['duplicates', 'instances', { firstDuplicate: { $gte: 'default|', $lt: 'default}' } }, { firstDuplicate: 1 }, 'firstDuplicate_1'],
  ['claims of a group', 'claims', { group: { $in: ['default|x'] } }, {}, 'group_1'],
  ['the reconciliation list', 'claims', { tenant, order: after }, { order: 1 }, 'tenant_1_order_1'],
  ['a conflict', 'claims', { tenant, conflict: 'x' }, {}, 'tenant_1_conflict_1'],
  ['the job that is due the longest', 'jobs', { tenant, type: 'report', due: { $lte: 5 } }, { due: 1 }, 'tenant_1_type_1_due_1'],
];

interface Explained {
  queryPlanner: { winningPlan: unknown };
}

if (server === undefined) describe('MongoMetadataStore', () => it.skip('needs a server of the MongoDB protocol', () => undefined));
else {
  describe('indexes on MongoDB', () => {
    const database = newDatabase();
    let store: MetadataStore;
    let connection: mongoose.Connection;

    beforeAll(async () => {
      store = await openStore(server, database);
      const receipts = Array.from({ length: 50 }, (_, number) =>
        aReceipt(number, { study: `1.${number}`, attributes: { '00100020': json('LO', `P${number}`) } }),
      );
      await store.recordReceipts(systemScope(tenant), receipts);
      await store.putJob(systemScope(tenant), { id: 'a', type: 'report', payload: '{}', dueMs: 1 });
      connection = await mongoose.createConnection(server.address, { dbName: database }).asPromise();
    });

    afterAll(async () => {
      await connection.close();
      await store.close();
      await dropDatabase(server, database);
      await server.stop();
    });

    it.each(READS)('answer %s', async (_, collection, filter, sort, index) => {
      const explained = (await connection.collection(collection).find(filter, { sort }).explain()) as Explained;
      const plan = JSON.stringify(explained.queryPlanner.winningPlan);
      expect(plan).toContain(`"indexName":"${index}"`);
      expect(plan).not.toContain('COLLSCAN');
      expect(plan).not.toContain('"stage":"SORT"');
    });

    it('are all asked for, and made once', async () => {
      const asked = new Set(READS.map(([, collection, , , index]) => `${collection} ${index}`));
      await (await openStore(server, database)).close();
      for (const { name } of await connection.listCollections()) {
        const indexes = (await connection.collection(name).indexes()).map((index) => index.name).filter((index) => index !== '_id_');
        for (const index of indexes) expect(asked).toContain(`${name} ${index}`);
      }
    });
  });
}
