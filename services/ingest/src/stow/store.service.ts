import { Inject, Injectable } from '@nestjs/common';
import { CairnError, Semaphore } from '@cairn/core';
import type { ErrorCode, Logger, Scope } from '@cairn/core';
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
    const results: Promise<PartResult>[] = [];
    try {
      for await (const part of parts) {
        const release = await permits.acquire();
        const { bytes, ended } = watchEnd(part.body);
        const result = this.#receive(scope, request, part, bytes).then(resultOf).finally(release);
        results.push(result);
        // The next part can be read as soon as this one's bytes are, long before its commit.
        await Promise.race([ended, result]);
      }
    } finally {
      await Promise.all(results);
    }
    return summaryOf(await Promise.all(results));
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

/** What is kept of a part until the answer: no errors with their stacks, since a hostile body may have 100,000 bad parts. */
type PartResult = { stored: StoredInstance } | { failed: FailedReference; code: ErrorCode; message: string };

function resultOf(outcome: ReceiveOutcome): PartResult {
  if (outcome.kind === 'stored') return { stored: outcome.instance };
  const { error, sopClassUid, sopInstanceUid } = outcome;
  const failed = {
    ...(sopClassUid === undefined ? {} : { sopClassUid }),
    ...(sopInstanceUid === undefined ? {} : { sopInstanceUid }),
    reason: stowReasonOf(error.code),
  };
  return { failed, code: error.code, message: error.message };
}

function summaryOf(results: readonly PartResult[]): StoreResult {
  const stored = results.flatMap((result) => ('stored' in result ? [result.stored] : []));
  const failures = results.flatMap((result) => ('failed' in result ? [result] : []));
  const [first] = failures;
  if (first !== undefined && stored.length === 0 && failures.every(({ code }) => httpStatusOf(code) >= 500)) {
    throw new CairnError(first.code, first.message, { retriable: true });
  }
  return { stored, failed: failures.map(({ failed }) => failed) };
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
