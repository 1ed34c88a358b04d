export { FilesystemObjectStore } from './filesystem-object-store.ts';
export type { FilesystemObjectStoreOptions } from './filesystem-object-store.ts';
