export { S3ObjectStore } from './s3-object-store.ts';
export type { ChecksumUse, S3ObjectStoreOptions } from './s3-options.ts';
export type { Capability, S3Capabilities } from './s3-capabilities.ts';
export { UploadBudget } from './upload-budget.ts';
