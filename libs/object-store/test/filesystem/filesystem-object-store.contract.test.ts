import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeObjectStoreContract } from '@cairn/object-store/contract';
import { FilesystemObjectStore } from '@cairn/object-store/filesystem';
import { documentedProduct } from '@cairn/testing';

const documented = documentedProduct('File system');

describeObjectStoreContract(
  'FilesystemObjectStore',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cairn-objects-'));
    const store = await FilesystemObjectStore.open({ folder });
    return { store, destroy: () => rm(folder, { recursive: true }) };
  },
  { exactCreateOnly: documented['exactCreateOnly'] === 'yes', byteOrder: documented['byteOrder'] === 'yes' },
);
