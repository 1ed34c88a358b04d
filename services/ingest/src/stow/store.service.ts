import { Inject, Injectable } from '@nestjs/common';
import { CairnError, Semaphore } from '@cairn/core';
import type { Logger, Scope } from '@cairn/core';
import type { InstanceReceiver, ReceiveOutcome, ReceiveRequest, StoredInstance } from '@cairn/archive';
import { httpStatusOf, stowReasonOf } from '@cairn/dicomweb';
import type { FailedReference } from '@cairn/dicomweb';
import { INGEST_CONFIG, INGEST_PORTS } from '../ingest.tokens.ts';
import type { IngestConfig, IngestPorts } from '../ingest.tokens.ts';
import type { StorePart } from './store-request.ts';

/** What became of the parts of one request, each list in the order of the parts. */
export interface StoreResult {
  stored: readonly StoredInstance[];
  failed: readonly FailedReference[];
}

/** Hands the parts of a request to the archive: read one after the other, several awaiting their durable commit at once. */
@Injectable()
export class StoreService {
  readonly #receiver: InstanceReceiver;
  readonly #config: IngestConfig;
  readonly #logger: Logger;

  constructor(@Inject(INGEST_CONFIG) config: IngestConfig, @Inject(INGEST_PORTS) ports: IngestPorts) {
    this.#receiver = ports.receiver;
    this.#config = config;
    this.#logger = ports.logger;
  }

  /**
   * Resolves when every instance is durable or refused. Throws what breaks the request as a whole (a damaged body), after those
   * already read are durable; and, when nothing could be stored for a reason of ours, that reason.
   */
  async store(scope: Scope, request: ReceiveRequest, parts: AsyncIterable<StorePart>): Promise<StoreResult> {
    const permits = new Semaphore(this.#config.commitsInFlight);
    const outcomes: Promise<ReceiveOutcome>[] = [];
    try {
      for await (const part of parts) {
        const release = await permits.acquire();
        const { bytes, ended } = watchEnd(part.body);
        const outcome = this.#receive(scope, request, part, bytes).finally(release);
        outcomes.push(outcome);
        // The next part can be read as soon as this one's bytes are, long before its commit.
        await Promise.race([ended, outcome]);
      }
    } finally {
      await Promise.all(outcomes);
    }
    return resultOf(await Promise.all(outcomes));
  }

  /** Never rejects: a fault of ours fails the instance, not its neighbours. */
  async #receive(scope: Scope, request: ReceiveRequest, part: StorePart, bytes: AsyncIterable<Uint8Array>): Promise<ReceiveOutcome> {
    const { problem, transferSyntaxUid } = part;
    if (problem !== undefined) return { kind: 'refused', error: problem };
    try {
      return await this.#receiver.receive(scope, transferSyntaxUid === undefined ? request : { ...request, transferSyntaxUid }, bytes);
    } catch (error) {
      return { kind: 'refused', error: this.#fault(error) };
    }
  }

  #fault(error: unknown): CairnError {
    if (CairnError.is(error)) return error;
    this.#logger.error({ error }, 'stow.receive-failed');
    return new CairnError('internal.unexpected', 'The archive failed to store the instance; the failure was logged.', { cause: error });
  }
}

function resultOf(outcomes: readonly ReceiveOutcome[]): StoreResult {
  const stored = outcomes.flatMap((outcome) => (outcome.kind === 'stored' ? [outcome.instance] : []));
  const refused = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome] : []));
  const [first] = refused;
  if (first !== undefined && stored.length === 0 && refused.every(({ error }) => httpStatusOf(error.code) >= 500)) throw first.error;
  const failed = refused.map(({ error, sopClassUid, sopInstanceUid }) => ({
    ...(sopClassUid === undefined ? {} : { sopClassUid }),
    ...(sopInstanceUid === undefined ? {} : { sopInstanceUid }),
    reason: stowReasonOf(error.code),
  }));
  return { stored, failed };
}

/** The same bytes, and a promise that resolves once the last of them was taken. */
function watchEnd(source: AsyncIterable<Uint8Array>): { bytes: AsyncIterable<Uint8Array>; ended: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield* source;
    resolve();
  }
  return { bytes: bytes(), ended: promise };
}
