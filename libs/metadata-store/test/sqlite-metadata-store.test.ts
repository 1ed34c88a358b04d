import { describeMetadataStoreContract } from '@cairn/metadata-store/contract';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';
import { documentedProduct, makeTempDir } from '@cairn/testing';

describeMetadataStoreContract(
  'SqliteMetadataStore',
  async () => {
    const folder = await makeTempDir();
    return { store: await SqliteMetadataStore.open({ file: `${folder.path}/index.db` }), destroy: () => folder.remove() };
  },
  { indexedContains: documentedProduct('SQLite')['indexedContains'] === 'yes' },
);
