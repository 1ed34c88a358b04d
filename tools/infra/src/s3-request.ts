import { createHash, createHmac } from 'node:crypto';

/** The account of every S3 server that is started here. */
export const S3_ACCOUNT = { accessKeyId: 'cairn-test', secretAccessKey: 'cairn-test-secret' };

/** One S3 request, signed by AWS Signature Version 4, so that readiness can be checked without a client library. */
export function s3Request(endpoint: string, method: string, path: string, body = ''): Promise<Response> {
  const url = new URL(path, endpoint);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const payloadHash = sha256(body);
  const canonicalHeaders = `host:${url.host}\nx-amz-content-sha256:${payloadHash}\nx-amz-date:${time}\n`;
  const signedHeaders = 'host;x-amz-content-sha256;x-amz-date';
  const canonicalRequest = [method, url.pathname, '', canonicalHeaders, signedHeaders, payloadHash].join('\n');
  const credentialScope = [time.slice(0, 8), 'us-east-1', 's3', 'aws4_request'];
  const textToSign = ['AWS4-HMAC-SHA256', time, credentialScope.join('/'), sha256(canonicalRequest)].join('\n');
  const key = credentialScope.reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${S3_ACCOUNT.secretAccessKey}`);
  const credential = `Credential=${S3_ACCOUNT.accessKeyId}/${credentialScope.join('/')}`;
  const signature = hmac(key, textToSign).toString('hex');
  return fetch(url, {
    method,
    headers: {
      'x-amz-content-sha256': payloadHash,
      'x-amz-date': time,
      authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    },
    ...(body === '' ? {} : { body }),
    signal: AbortSignal.timeout(5_000),
  });
}

/** Writes and reads an object in a bucket made for it. */
export async function checkS3(endpoint: string): Promise<void> {
  await s3Request(endpoint, 'PUT', '/infra-check').then((response) => response.text());
  const text = String(Math.random());
  const put = await s3Request(endpoint, 'PUT', '/infra-check/probe', text);
  if (!put.ok) throw new Error(`put: ${put.status} ${await put.text()}`);
  const get = await s3Request(endpoint, 'GET', '/infra-check/probe');
  if ((await get.text()) !== text) throw new Error(`get: ${get.status}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
