export { MongoMetadataStore } from './mongo-metadata-store.ts';
export type { MongoMetadataStoreOptions } from './mongo-metadata-store.ts';
export { INDEXES } from './indexes.ts';
export type { CollectionIndex } from './indexes.ts';
