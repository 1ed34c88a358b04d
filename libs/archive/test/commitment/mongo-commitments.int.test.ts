import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { serverForTests } from '@cairn/infra';
import { MongoMetadataStore } from '@cairn/metadata-store/mongo';
import { TINY, aStudy } from '@cairn/testing';
import { Commitments, rebuildIndex } from '../../src/index.ts';
import type { CommitmentReport } from '../../src/index.ts';
import { anArchive, scope, store } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

jest.setTimeout(60_000);

const REQUESTS = 30;
const LEASE_MS = 1000;
const { instances } = aStudy({ ...TINY, seed: 41, instances: 3 });
const references = instances.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));
const server = await serverForTests('mongodb');

if (server === undefined) describe('Commitments of replicas', () => it.skip('needs a server of the MongoDB protocol', () => undefined));
else {
  describe('Commitments of replicas on MongoDB', () => {
    let archive: Archive;
    let indexes: [MongoMetadataStore, MongoMetadataStore];

    beforeEach(async () => {
      archive = await anArchive({ index: false });
      for (const instance of instances) await store(archive.pipeline, instance.bytes());
      const database = `cairn-test-${randomBytes(6).toString('hex')}`;
      const open = (): Promise<MongoMetadataStore> => MongoMetadataStore.open({ uri: server.address, database });
      indexes = [await open(), await open()];
      await rebuildIndex({ objectStore: archive.objectStore, metadataStore: indexes[0], tenants: ['default'] });
    });

    afterEach(async () => {
      await indexes[1].clear(scope);
      for (const index of indexes) await index.close();
      await archive.close();
    });

    afterAll(() => server.stop());

    it('reports every request once, and again only what a replica had in hand when it died', async () => {
      const [dying, living] = indexes.map(
        (metadataStore) => new Commitments({ objectStore: archive.objectStore, metadataStore }, { leaseMs: LEASE_MS }),
      );
      const uids = Array.from({ length: REQUESTS }, (_, index) => `1.2.${index}`);
      for (const transactionUid of uids) await dying!.request(scope, { transactionUid, requestorAet: 'CT1', references });
      const reported: string[] = [];
      const never = new AbortController().signal;
      const send = (report: CommitmentReport): Promise<void> => {
        expect(report).toMatchObject({ committed: references, failed: [] });
        reported.push(report.transactionUid);
        return Promise.resolve();
      };

      const inHand: string[] = [];
      const work = async (): Promise<void> => {
        for (let handled = 0; handled < 2; handled++) await dying!.handleNext(scope, send, never);
        // The report goes out, and the process dies before it can say so.
        const dies = async (report: CommitmentReport): Promise<void> => {
          inHand.push(report.transactionUid);
          await send(report);
          await indexes[0].close();
        };
        await dying!.handleNext(scope, dies, never).catch(() => undefined);
      };
      const goOn = async (): Promise<void> => {
        while (new Set(reported).size < REQUESTS || reported.length < REQUESTS + inHand.length) {
          if (!(await living!.handleNext(scope, send, never))) await delay(50);
        }
      };
      await Promise.all([work(), goOn()]);

      const twice = uids.filter((uid) => reported.filter((each) => each === uid).length > 1);
      expect(inHand).toHaveLength(1);
      expect(twice).toEqual(inHand);
      expect(reported).toHaveLength(REQUESTS + inHand.length);
      expect(await living!.handleNext(scope, send, never)).toBe(false);
    });
  });
}
