import type { CairnConfig } from '@cairn/config';
import type { RunningServer, ServerName } from '@cairn/infra';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The servers that the services stand on. */
export const INFRASTRUCTURE = ['kafka', 'mongodb', 'seaweedfs'] as const satisfies readonly ServerName[];

/** What every service process is given: the caller's environment, and where the infrastructure is. */
export function serviceEnvironment(config: CairnConfig, environment: Environment, infra: readonly RunningServer[]): Environment {
  const addressOf = (name: (typeof INFRASTRUCTURE)[number]): string | undefined => infra.find((server) => server.name === name)?.address;
  return {
    ...environment,
    ...Object.fromEntries(infra.flatMap((server) => Object.entries(server.environment))),
    CAIRN_KAFKA_BROKERS: addressOf('kafka'),
    CAIRN_MONGODB_URI: addressOf('mongodb'),
    CAIRN_S3_ENDPOINT: addressOf('seaweedfs'),
    CAIRN_S3_BUCKET: config.CAIRN_S3_BUCKET ?? 'cairn',
    CAIRN_S3_CREATE_BUCKET: '1',
    // They are reached through the doors only, which judge whom to trust.
    CAIRN_HOST: '127.0.0.1',
    CAIRN_TRUSTED_PROXIES: 'loopback',
  };
}
