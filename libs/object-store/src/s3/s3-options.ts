import { S3Client } from '@aws-sdk/client-s3';
import { signBodyDigests } from './body-digest.ts';
import type { UploadBudget } from './upload-budget.ts';

/** How an S3 bucket is reached and used. */
export interface S3ObjectStoreOptions {
  bucket: string;
  /** Put before every key, empty or ending in `/`; several stores can share a bucket. Default: none. */
  prefix?: string;
  /** URL of the product; default: AWS. */
  endpoint?: string;
  /** Default: what the SDK finds in its environment, else `us-east-1`. */
  region?: string;
  /** `http://host/bucket/key` instead of `http://bucket.host/key`. Default: true where an endpoint is given. */
  forcePathStyle?: boolean;
  /** Default: the SDK's chain (environment, profile, web identity, container and instance roles). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** PEM certificates that the endpoint's is checked against, instead of the system's. */
  ca?: string;
  /**
   * `when-supported` (default): every body carries its SHA-256 as a checksum header; `when-required`: only where the probe found
   * that the product checks it. The signature covers the body's SHA-256 in either case.
   */
  requestChecksums?: ChecksumUse;
  /** `when-supported` (default): objects read as a whole are compared with the SHA-256 kept with them. */
  responseChecksums?: ChecksumUse;
  /** Makes the bucket when it is absent. Default false. */
  createBucket?: boolean;
  /** Tries of one request, the first included. Default 6. */
  maxAttempts?: number;
  /** A request is lost when its answer does not begin within this time, or its connection is silent for so long. Default 60,000. */
  requestTimeoutMs?: number;
  /** Memory for bodies on their way; default: the one of the process, 256 MiB. */
  uploadBudget?: UploadBudget;
}

/** When a checksum is used beyond what the protocol demands. */
export type ChecksumUse = 'when-supported' | 'when-required';

export const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;
const CONNECTION_TIMEOUT_MS = 5_000;
const MAX_SOCKETS = 256;
/** Failures are told by errors. */
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * The SDK's client. It neither retries (bodies are streams, and a lost answer to a create-only put has to be resolved) nor adds
 * checksums of its own (trailers that older products refuse).
 */
export function createS3Client(options: S3ObjectStoreOptions): S3Client {
  const { endpoint, region, credentials, ca } = options;
  const timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    maxAttempts: 1,
    logger: SILENT,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it the SDK sends long bodies over agents of its own: without `ca`, without reuse, and slow to notice a reset.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS, ...(ca === undefined ? {} : { ca }) },
    },
  });
  signBodyDigests(client);
  return client;
}

function ignore(): void {}
