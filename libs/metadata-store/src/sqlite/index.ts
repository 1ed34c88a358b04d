export { SqliteMetadataStore } from './sqlite-metadata-store.ts';
export type { SqliteMetadataStoreOptions } from './sqlite-metadata-store.ts';
