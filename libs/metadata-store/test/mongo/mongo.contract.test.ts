import { afterAll, describe, it, jest } from '@jest/globals';
import { describeMetadataStoreContract } from '@cairn/metadata-store/contract';
import { documentedProduct } from '@cairn/testing';
import { dropDatabase, mongoServer, newDatabase, openStore } from './mongo-server.ts';

jest.setTimeout(60_000);
const server = await mongoServer();

if (server === undefined) describe('MongoMetadataStore', () => it.skip('needs a server of the MongoDB protocol', () => undefined));
else {
  afterAll(() => server.stop());
  describeMetadataStoreContract(
    'MongoMetadataStore',
    async () => {
      const database = newDatabase();
      return { store: await openStore(server, database), destroy: () => dropDatabase(server, database) };
    },
    { indexedContains: documentedProduct('MongoDB')['indexedContains'] === 'yes' },
  );
}
