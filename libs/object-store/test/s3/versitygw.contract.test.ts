import { afterAll, describe, it } from '@jest/globals';
import { describeObjectStoreContract } from '@cairn/object-store/contract';
import { documentedProduct } from '@cairn/testing';
import { openStore, s3Server } from './s3-servers.ts';

const documented = documentedProduct('versitygw');
const server = await s3Server('versitygw');

if (server === undefined) describe('S3ObjectStore on versitygw', () => it.skip('needs versitygw', () => undefined));
else {
  afterAll(() => server.stop());
  describeObjectStoreContract(
    'S3ObjectStore on versitygw',
    async () => ({ store: await openStore(server), destroy: async () => undefined }),
    { exactCreateOnly: documented['exactCreateOnly'] === 'yes', byteOrder: documented['byteOrder'] === 'yes' },
  );
}
