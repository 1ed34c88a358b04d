export type { ByteRange, ObjectAttributes, ObjectInfo, ObjectStore, ObjectStoreSupports, PutOptions, PutResult } from './object-store.ts';
