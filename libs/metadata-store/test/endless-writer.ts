// Writes receipts until it is killed; prints a character for each that was acknowledged. Argument: the file of the index.
import { systemScope } from '@cairn/core';
import { aReceipt } from '../src/contract-receipts.ts';
import { SqliteMetadataStore } from '@cairn/metadata-store/sqlite';

const store = await SqliteMetadataStore.open({ file: process.argv[2]! });
for (let number = 1; ; number++) {
  await store.recordReceipts(systemScope('default'), [aReceipt(number)]);
  process.stdout.write('.');
}
