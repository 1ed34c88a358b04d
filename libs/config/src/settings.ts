import { z } from 'zod';
import {
  AE_TITLE,
  addressesSchema,
  aeTitlesSchema,
  brokersSchema,
  callersSchema,
  integerSchema,
  originsSchema,
  peersSchema,
  portSchema,
  switchSchema,
} from './values.ts';

/** One setting: its grammar and what it does. */
interface Setting<T extends z.ZodType = z.ZodType> {
  schema: T;
  description: string;
}

/** A setting that counts also when it is not given; `fallback` as a user would write it. */
function withDefault<T extends z.ZodType>(schema: T, description: string, fallback: string): Setting<T> & { default: string } {
  return { schema, description, default: fallback };
}

/** A setting that is undefined unless given. */
function optional<T extends z.ZodType>(schema: T, description: string): Setting<T> {
  return { schema, description };
}

const path = z.string().min(1, 'must name a file');
const checksumUse = z.enum(['when-supported', 'when-required']);

/** Every setting by its name, the same in the environment and in the YAML file. Source of docs/reference/config.md. */
export const SETTINGS = {
  CAIRN_DATA_DIR: withDefault(
    z.string().min(1, 'must name a folder'),
    'Folder of everything that the archive keeps: objects, index, event log.',
    './data',
  ),
  CAIRN_HOST: withDefault(
    z.string().min(1, 'must be an address'),
    'Address to listen on. Any other than loopback is refused unless CAIRN_INSECURE is set.',
    '127.0.0.1',
  ),
  CAIRN_HTTP_PORT: withDefault(portSchema, 'Port of DICOMweb, health, metrics and the start page; 0 lets the system choose.', '8080'),
  CAIRN_DICOM_PORT: withDefault(portSchema, 'Port of the DICOM listener (DIMSE); 0 lets the system choose.', '11112'),
  CAIRN_AE_TITLE: withDefault(
    z.string().regex(AE_TITLE, 'must be 1 to 16 printable characters without backslash'),
    'Own application entity title. Associations that call another are rejected.',
    'CAIRN',
  ),
  CAIRN_DICOM_CALLED_AETS: withDefault(aeTitlesSchema, 'Further AE titles that may be called, as a comma list; `*` accepts any.', ''),
  CAIRN_DICOM_CALLERS: withDefault(
    callersSchema,
    'Calling AE titles that may associate, as a comma list of `AET` or `AET@address`; an address may have a prefix length. Empty: any caller.',
    '',
  ),
  CAIRN_DICOM_PEERS: withDefault(
    peersSchema,
    'C-MOVE destinations, and modalities that ask for storage commitment, as a comma list of `AET=host:port`.',
    '',
  ),
  CAIRN_COMMITMENT_WAIT_S: withDefault(
    integerSchema(0, 86_400),
    'Seconds that storage commitment waits for instances that the index does not know before it reports them as unknown.',
    '60',
  ),
  CAIRN_DICOM_MAX_ASSOCIATIONS: withDefault(
    integerSchema(1, 10_000),
    'Associations at the same time; a further one is rejected for now.',
    '200',
  ),
  CAIRN_DICOM_IDLE_TIMEOUT_S: withDefault(
    integerSchema(1, 86_400),
    'Seconds without a byte from the peer after which an association is aborted.',
    '300',
  ),
  CAIRN_DICOM_TLS_PORT: optional(portSchema, 'Port of the DICOM TLS listener; without it there is none.'),
  CAIRN_DICOM_TLS_CERT: optional(path, 'PEM file of the DICOM TLS certificate chain.'),
  CAIRN_DICOM_TLS_KEY: optional(path, 'PEM file of the DICOM TLS private key.'),
  CAIRN_DICOM_TLS_CLIENT_CA: optional(path, 'PEM file of the authorities whose client certificates are demanded (mutual TLS).'),
  CAIRN_DEFAULT_ISSUER: withDefault(z.string().max(64), 'Issuer of Patient ID for instances that name none.', ''),
  CAIRN_MAX_INSTANCE_BYTES: optional(integerSchema(1, Number.MAX_SAFE_INTEGER), 'Largest instance taken, in bytes; without it any size.'),
  CAIRN_CORS_ORIGINS: withDefault(originsSchema, 'Web origins of browser viewers that may call, as a comma list; empty: none.', ''),
  CAIRN_PUBLIC_URL: optional(
    z.string().refine(isPublicUrl, 'must be http(s)://host[:port][/path] without query and fragment'),
    'Origin and optional path in front of `/dicom-web` for URLs in answers. Without it they follow the request.',
  ),
  CAIRN_TRUSTED_PROXIES: withDefault(
    addressesSchema,
    'Proxies whose `Forwarded` and `X-Forwarded-*` headers count, as a comma list of addresses or ranges; `loopback` stands for this machine.',
    'loopback',
  ),
  CAIRN_QUERY_MAX_RESULTS: withDefault(
    integerSchema(1, 100_000),
    'Matches in one QIDO-RS answer at most (searches across studies that name no limit give 1000); a cut answer has a Warning and a link to the next page.',
    '10000',
  ),
  CAIRN_DRAIN_TIMEOUT_S: withDefault(integerSchema(0, 3_600), 'Seconds that SIGTERM leaves to associations and requests under way.', '20'),
  CAIRN_DUPLICATE_GRACE_S: withDefault(
    integerSchema(0, 31_536_000),
    'Seconds after which the object of an instance received twice with the same bytes is removed, once the kept one was read back and verified.',
    '3600',
  ),
  CAIRN_RECONCILE_INTERVAL_S: withDefault(
    integerSchema(1, 86_400),
    'Seconds between two comparisons of the index with the stored objects, which find what no event announced.',
    '600',
  ),
  CAIRN_S3_BUCKET: optional(
    z.string().regex(/^[A-Za-z0-9._-]{3,255}$/, 'must be a bucket name'),
    'S3 bucket of the stored objects; without it they lie in the data folder. Credentials come from the standard `AWS_*` variables, profiles and roles.',
  ),
  CAIRN_S3_PREFIX: withDefault(
    z.string().regex(/^(?:[A-Za-z0-9._/-]{0,200}\/)?$/, 'must be empty or end in a slash'),
    'Put before every key in the bucket; empty or ending in `/`.',
    '',
  ),
  CAIRN_S3_ENDPOINT: optional(
    z.string().refine(isPublicUrl, 'must be http(s)://host[:port] without query and fragment'),
    'URL of the S3 product; without it AWS.',
  ),
  CAIRN_S3_REGION: optional(z.string().min(1, 'must be a region'), 'Region of the bucket; without it what the `AWS_*` environment says.'),
  CAIRN_S3_PATH_STYLE: optional(
    switchSchema,
    'Address the bucket in the path instead of the host name. Without it: yes where an endpoint is given.',
  ),
  CAIRN_S3_CA: optional(
    path,
    "PEM file of the authorities that the S3 endpoint's certificate is checked against, instead of the system's.",
  ),
  CAIRN_S3_REQUEST_CHECKSUMS: withDefault(
    checksumUse,
    'Whether bodies carry a checksum header always (`when-supported`) or only where the product was found to check it (`when-required`).',
    'when-supported',
  ),
  CAIRN_S3_RESPONSE_CHECKSUMS: withDefault(
    checksumUse,
    'Whether objects read as a whole are compared with the digest kept with them (`when-supported`) or not (`when-required`).',
    'when-supported',
  ),
  CAIRN_S3_CREATE_BUCKET: withDefault(switchSchema, 'Make the bucket at start when it is absent.', '0'),
  CAIRN_S3_UPLOAD_BUDGET_MIB: withDefault(
    integerSchema(16, 65_536),
    'MiB of memory that all bodies on their way to S3 may take together; senders wait when it is used up.',
    '256',
  ),
  CAIRN_MONGODB_URI: optional(
    z.string().regex(/^mongodb(?:\+srv)?:\/\/[^/\s]+/, 'must be a mongodb:// or mongodb+srv:// connection string'),
    'Connection string of the MongoDB replica set of the index; without it the index lies in the data folder.',
  ),
  CAIRN_MONGODB_DATABASE: withDefault(
    z.string().regex(/^[^/\\. "$*<>:|?\0]{1,63}$/, 'must be a database name'),
    'Name of the database.',
    'cairn',
  ),
  CAIRN_KAFKA_BROKERS: withDefault(
    brokersSchema,
    'Some brokers of the Kafka cluster, as a comma list of `host:port`; empty: events stay in the process and the data folder.',
    '',
  ),
  CAIRN_KAFKA_PREFIX: withDefault(
    z.string().regex(/^[A-Za-z0-9._-]{0,100}$/, 'must be letters, digits, dots, dashes and underscores'),
    'Put before the names of topics and consumer groups, so that installations can share brokers.',
    'cairn.',
  ),
  CAIRN_LOG_LEVEL: withDefault(
    z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    'Least level of log lines written to standard error.',
    'info',
  ),
  CAIRN_INSECURE: withDefault(
    switchSchema,
    'Allows to listen on other addresses than loopback without authentication. Do not use it with patient data.',
    '0',
  ),
  CAIRN_FAILPOINT: optional(
    z.string().regex(/^[a-z0-9.-]+(?::[1-9]\d{0,5})?$/, 'must be name or name:hit'),
    'Fault tests only: the process kills itself when it passes the named point (for the hit-th time).',
  ),
} as const;

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/** The archive's configuration, parsed and complete. Settings without a default are undefined when not given. */
export type CairnConfig = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends { default: string }
    ? z.output<(typeof SETTINGS)[Name]['schema']>
    : z.output<(typeof SETTINGS)[Name]['schema']> | undefined;
};

function isPublicUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  );
}
