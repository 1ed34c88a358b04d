import { afterAll, describe, it } from '@jest/globals';
import { describeObjectStoreContract } from '@cairn/object-store/contract';
import { documentedProduct } from '@cairn/testing';
import { openStore, s3Server } from './s3-servers.ts';

const documented = documentedProduct('SeaweedFS');
const server = await s3Server('seaweedfs');

if (server === undefined) describe('S3ObjectStore on SeaweedFS', () => it.skip('needs SeaweedFS', () => undefined));
else {
  afterAll(() => server.stop());
  describeObjectStoreContract(
    'S3ObjectStore on SeaweedFS',
    async () => ({ store: await openStore(server), destroy: async () => undefined }),
    { exactCreateOnly: documented['exactCreateOnly'] === 'yes', byteOrder: documented['byteOrder'] === 'yes' },
  );
}
