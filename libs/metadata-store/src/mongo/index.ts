export { MongoMetadataStore } from './mongo-metadata-store.ts';
export type { MongoMetadataStoreOptions } from './mongo-metadata-store.ts';
