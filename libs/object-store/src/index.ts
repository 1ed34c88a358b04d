export type { ByteRange, ObjectAttributes, ObjectInfo, ObjectStore, ObjectStoreSupports, PutOptions, PutResult } from './object-store.ts';
export { countOperations } from './counted.ts';
export type { ObjectStoreOperation } from './counted.ts';
