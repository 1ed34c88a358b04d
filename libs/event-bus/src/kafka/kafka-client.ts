import kafkajs from 'kafkajs';
import type { Kafka, KafkaConfig, LogEntry, RetryOptions } from 'kafkajs';
import { CairnError, silentLogger } from '@cairn/core';
import type { Logger } from '@cairn/core';
import { patchRequestQueue } from './request-queue-patch.ts';

const { Kafka: KafkaClient, logLevel } = kafkajs;

const CONNECTION_TIMEOUT_MS = 3000;
const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;

const DEFAULT_RETRIES = 20;

/** How Kafka is reached. */
export interface KafkaConnection {
  /** `host:port` of some brokers. */
  brokers: readonly string[];
  /** Shown in the brokers' logs. Default `cairn`. */
  clientId?: string;
  /** TLS, as kafkajs takes it. */
  ssl?: NonNullable<KafkaConfig['ssl']>;
  sasl?: NonNullable<KafkaConfig['sasl']>;
  /**
   * How often a connection or a request is tried again, after a pause that doubles up to 1 s: the default, 20, rides out brokers that
   * refuse connections for about 15 s. What lasts longer is an outage: publishers are told, subscriptions start again by themselves.
   */
  retries?: number;
  /** A request is lost when brokers, or the way to them, are silent for so long; it is then tried again as above. Default 10,000. */
  requestTimeoutMs?: number;
  logger?: Logger;
}

/** kafkajs's own repetitions. */
export function retryOptions({ retries }: KafkaConnection): RetryOptions {
  return { initialRetryTime: 100, maxRetryTime: 1000, factor: 0.2, multiplier: 2, retries: retries ?? DEFAULT_RETRIES };
}

/** A client that connects nowhere yet. */
export function createClient(connection: KafkaConnection): Kafka {
  patchRequestQueue();
  const { brokers, clientId, ssl, sasl, requestTimeoutMs, logger } = connection;
  return new KafkaClient({
    brokers: [...brokers],
    clientId: clientId ?? 'cairn',
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
    retry: retryOptions(connection),
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => writeLog(logger ?? silentLogger, entry),
  });
}

/** A failure of the broker or the way to it. */
export function unavailable(cause: unknown): CairnError {
  return new CairnError('event-bus.unavailable', 'Kafka does not answer.', { retriable: true, cause });
}

/** kafkajs calls errors what it recovers from by itself (a coordinator that loads, a lost connection), so nothing is more than a warning. */
function writeLog(logger: Logger, { namespace, level, log }: LogEntry): void {
  const fields = { namespace, message: log.message, error: log['error'] };
  if (level === logLevel.ERROR) logger.warn(fields, 'event-bus.kafka-client');
  else logger.debug(fields, 'event-bus.kafka-client');
}
