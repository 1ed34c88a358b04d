import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { CairnError, systemScope } from '@cairn/core';
import { aReceipt, ulidOf } from '@cairn/metadata-store/contract';
import { mongoServer, newDatabase, openStore } from './mongo-server.ts';

jest.setTimeout(60_000);
const server = await mongoServer();
const scope = systemScope('default');
const WRITERS = 4;
const KILLS = 3;

if (server?.ours !== true) describe('MongoMetadataStore', () => it.skip('needs a server of the MongoDB protocol to kill', () => undefined));
else {
  afterAll(() => server.stop());

  describe('the index on a database that is killed', () => {
    it('holds every batch that was acknowledged, and each once when all come again (cases 98, 117)', async () => {
      const store = await openStore(server, newDatabase());
      const acknowledged: string[] = [];
      const sent: ReturnType<typeof aReceipt>[] = [];
      let number = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        let alive = true;
        const writers = Array.from({ length: WRITERS }, async () => {
          while (alive) {
            const batch = [aReceipt(number++), aReceipt(number++, { study: '1.2.2' })];
            sent.push(...batch);
            try {
              await store.recordReceipts(scope, batch);
              acknowledged.push(...batch.map(({ ulid }) => ulid));
            } catch (error) {
              expect(CairnError.is(error, 'metadata-store.unavailable')).toBe(true);
              alive = false;
            }
          }
        });
        const before = acknowledged.length;
        while (acknowledged.length < before + 30) await new Promise((resolve) => setTimeout(resolve, 5));
        await server.kill9();
        const restarted = server.restart();
        await Promise.all([restarted, new Promise((resolve) => setTimeout(resolve, 1000))]);
        alive = false;
        await Promise.all(writers);
        expect(await store.knownReceipts(scope, acknowledged)).toEqual(new Set(acknowledged));
      }
      await store.recordReceipts(scope, sent);
      expect(
        await store.knownReceipts(
          scope,
          sent.map(({ ulid }) => ulid),
        ),
      ).toEqual(new Set(sent.map(({ ulid }) => ulid)));
      expect(await store.study(scope, '1.2.1')).toMatchObject({ numberOfInstances: sent.length / 2, representative: ulidOf(0) });
      expect(await store.study(scope, '1.2.2')).toMatchObject({ numberOfInstances: sent.length / 2 });
      await store.close();
    });
  });
}
