import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';

/** A part of a bucket. */
export interface BucketPlace {
  /** `S3_ENDPOINT` and the account, as `@cairn/infra` tells them. */
  environment: Readonly<Record<string, string>>;
  bucket: string;
  prefix: string;
}

/** All keys, page by page. */
export async function keysIn({ environment, bucket, prefix }: BucketPlace): Promise<string[]> {
  const client = clientOf(environment);
  const keys: string[] = [];
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const input = { Bucket: bucket, Prefix: prefix, ...(token === undefined ? {} : { ContinuationToken: token }) };
    const page = await client.send(new ListObjectsV2Command(input));
    keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
    token = page.NextContinuationToken;
  }
  return keys;
}

/** Keys of multipart uploads that were begun and not finished. */
export async function uploadsIn({ environment, bucket, prefix }: BucketPlace): Promise<string[]> {
  const { Uploads = [] } = await clientOf(environment).send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }));
  return Uploads.map(({ Key = '' }) => Key);
}

function clientOf(environment: Readonly<Record<string, string>>): S3Client {
  const { S3_ENDPOINT: endpoint = '', AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = environment;
  return new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
}
