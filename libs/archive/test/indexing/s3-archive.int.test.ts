import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { serverForTests } from '@cairn/infra';
import type { ServerName } from '@cairn/infra';
import { S3ObjectStore } from '@cairn/object-store/s3';
import { TINY, aStudy, element, writeDicom } from '@cairn/testing';
import { all, anArchive, contentOf, documentsOf, keysOf, scope, store } from '../archive-fixture.ts';
import type { Archive } from '../archive-fixture.ts';

jest.setTimeout(60_000);

const [first] = aStudy({ ...TINY, seed: 5 }).instances;
const PRODUCTS: ServerName[] = ['seaweedfs', 'versitygw'];

for (const product of PRODUCTS) {
  const server = await serverForTests(product);
  if (server === undefined) {
    describe(`an archive on ${product}`, () => it.skip(`needs ${product}`, () => undefined));
    continue;
  }

  describe(`an archive on ${product}`, () => {
    let objectStore: S3ObjectStore;
    let archive: Archive;

    beforeEach(async () => {
      const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = server.environment;
      const credentials =
        accessKeyId !== undefined && secretAccessKey !== undefined ? { credentials: { accessKeyId, secretAccessKey } } : {};
      objectStore = await S3ObjectStore.open({
        bucket: 'cairn-archive',
        prefix: `${randomUUID()}/`,
        endpoint: server.address,
        region: 'us-east-1',
        createBucket: true,
        ...credentials,
      });
      archive = await anArchive({ objectStore: () => objectStore });
      await archive.startIndexer();
    });

    afterEach(async () => {
      await archive.close();
      await objectStore.close();
    });

    afterAll(() => server.stop());

    it('case 99: 16 parallel sources of the same bytes all succeed and end as one object', async () => {
      await Promise.all(Array.from({ length: 16 }, () => store(archive.pipeline, first!.bytes())));
      await archive.settled();
      expect(await archive.collector().run(scope)).toEqual({ removed: 15, kept: 0 });
      const [key, ...others] = await keysOf(objectStore);
      expect(others).toEqual([]);
      expect((await contentOf(objectStore, key!)).equals(first!.bytes())).toBe(true);
    });

    it('case 100: other bytes under one SOP Instance UID, in a row and in parallel: every version is kept, the last is current', async () => {
      const contents = ['A', 'B', 'C', 'D'].map((text) =>
        writeDicom({ elements: [...first!.elements().filter(({ tag }) => tag !== '00081030'), element('00081030', 'LO', text)] }),
      );
      await store(archive.pipeline, contents[0]!);
      await Promise.all(contents.slice(1).map((content) => store(archive.pipeline, content)));
      await archive.settled();
      const instances = (await documentsOf(archive.metadataStore)).filter(({ collection }) => collection === 'instances');
      expect(instances).toHaveLength(1);
      const [current] = await all(archive.metadataStore.instances(scope, { studyInstanceUid: first!.studyInstanceUid }, { header: false }));
      const keys = await keysOf(objectStore);
      expect(keys).toHaveLength(4);
      expect(current!.version.location.key).toBe(keys.at(-1));
      const stored = await Promise.all(keys.map((key) => contentOf(objectStore, key)));
      expect(new Set(stored.map((bytes) => bytes.toString('base64')))).toEqual(
        new Set(contents.map((bytes) => Buffer.from(bytes).toString('base64'))),
      );
    });

    it('is found again by the reconciler when the events were lost, with what only the attributes tell', async () => {
      await store(archive.pipeline, first!.bytes());
      await archive.settled();
      const before = await documentsOf(archive.metadataStore);
      const rebuilt = await anArchive({ objectStore: () => objectStore });
      await rebuilt.reconciler().run();
      expect(await documentsOf(rebuilt.metadataStore)).toEqual(before);
      await rebuilt.close();
    });
  });
}
