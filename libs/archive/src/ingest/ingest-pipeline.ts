import { CairnError, failpoint, silentLogger } from '@cairn/core';
import type { Logger, Scope, UlidFactory } from '@cairn/core';
import { DicomScanner, requireIdentifiers } from '@cairn/dicom';
import type { ScanResult } from '@cairn/dicom';
import type { EventBus } from '@cairn/event-bus';
import type { ReceiptSource } from '@cairn/metadata-store';
import type { ObjectAttributes, ObjectStore, PutOptions } from '@cairn/object-store';
import { currentTraceparent, markFailed, traced } from '@cairn/telemetry';
import type { InstanceReceiver, ReceiveOutcome, ReceiveRequest } from './ingest.ts';
import { encodeLandingAttributes } from './landing-attributes.ts';
import { landingKey } from './landing-key.ts';
import { receiptOf } from './receipt.ts';
import { ReceiptPublisher } from './receipt-publisher.ts';

/** What the pipeline works on. */
export interface IngestPorts {
  objectStore: ObjectStore;
  eventBus: EventBus;
  /** The one factory of the process. */
  ulids: UlidFactory;
  logger?: Logger;
  observer?: IngestObserver;
}

/** Told what becomes of instances; for metrics. */
export interface IngestObserver {
  received?(protocol: ReceiptSource['protocol'], outcome: ReceiveOutcome['kind'], sizeBytes: number): void;
  /** An instance is durable, but its event was given up: reconcile soon. */
  eventLost?(): void;
}

/** Settings of the pipeline. */
export interface IngestOptions {
  /** Larger instances → `archive.too-large`. Default: no limit. */
  maxInstanceBytes?: number;
  /** Issuer of patient identifiers that name none; by source, else the tenant's. Default: none. */
  defaultIssuer?: (scope: Scope, source: ReceiptSource) => string;
}

/**
 * The one way in. In a single pass the bytes go to the object store and through the scanner; the answer waits for the durable
 * object only, the event for the indexer follows by itself.
 *
 * @example
 * const pipeline = new IngestPipeline({ objectStore, eventBus, ulids: new UlidFactory() });
 * const outcome = await pipeline.receive(scope, { source: { protocol: 'stow' } }, request.body);
 */
export class IngestPipeline implements InstanceReceiver {
  readonly #ports: IngestPorts;
  readonly #options: IngestOptions;
  readonly #publisher: ReceiptPublisher;

  constructor(ports: IngestPorts, options: IngestOptions = {}) {
    this.#ports = ports;
    this.#options = options;
    this.#publisher = new ReceiptPublisher({
      objectStore: ports.objectStore,
      eventBus: ports.eventBus,
      logger: ports.logger ?? silentLogger,
      onEventLost: () => ports.observer?.eventLost?.(),
    });
  }

  receive(scope: Scope, request: ReceiveRequest, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ReceiveOutcome> {
    return traced('receive instance', { attributes: { 'cairn.protocol': request.source.protocol } }, async (span) => {
      const outcome = await this.#receive(scope, request, source, signal);
      if (outcome.kind === 'refused') markFailed(span, outcome.error.code);
      return outcome;
    });
  }

  /** Events of what was received that the bus has not taken yet. */
  get waitingEvents(): number {
    return this.#publisher.waiting;
  }

  /** Waits until the events of everything received so far were handed over. */
  close(): Promise<void> {
    return this.#publisher.close();
  }

  async #receive(scope: Scope, request: ReceiveRequest, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ReceiveOutcome> {
    const receiving = new Receiving(request, this.#options.maxInstanceBytes ?? Number.POSITIVE_INFINITY);
    try {
      const outcome = await this.#store(scope, receiving, source, signal);
      this.#ports.observer?.received?.(request.source.protocol, 'stored', receiving.sizeBytes);
      return outcome;
    } catch (error) {
      if (signal?.aborted === true || !isRefusal(error)) throw error;
      this.#ports.observer?.received?.(request.source.protocol, 'refused', receiving.sizeBytes);
      return { kind: 'refused', error, ...receiving.identity() };
    }
  }

  async #store(scope: Scope, receiving: Receiving, source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<ReceiveOutcome> {
    const { request } = receiving;
    const ulid = this.#ports.ulids.next();
    const key = landingKey(scope.tenant, ulid);
    const defaultIssuer = this.#options.defaultIssuer?.(scope, request.source) ?? '';
    const traceparent = currentTraceparent();
    const received = { ...request, defaultIssuer, ...(traceparent === undefined ? {} : { traceparent }) };
    await this.#put(scope, key, receiving.chunks(source), {
      verify: () => receiving.verify(),
      attributes: () => encodeLandingAttributes(receiving.scan, received),
      ...(signal === undefined ? {} : { signal }),
    });
    const receipt = receiptOf(receiving.scan, { ulid, key, source: request.source, defaultIssuer });
    failpoint('ingest.after-put');
    this.#publisher.publish(scope.tenant, receipt);
    failpoint('ingest.before-acknowledgement');
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid, transferSyntaxUid, sizeBytes } = receipt;
    return {
      kind: 'stored',
      instance: {
        ulid,
        studyInstanceUid,
        seriesInstanceUid,
        sopInstanceUid,
        sopClassUid,
        transferSyntaxUid,
        sizeBytes,
        warnings: receiving.scan.warnings,
      },
    };
  }

  /**
   * A store reached over a network may repeat a put whose answer was lost, and find its own object: ULIDs are drawn once, so an
   * object of this key with these digests is the one just sent.
   */
  async #put(scope: Scope, key: string, source: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
    const { objectStore } = this.#ports;
    try {
      await traced('put object', { kind: 'client' }, () => objectStore.put(scope, key, source, options));
    } catch (error) {
      if (!CairnError.is(error, 'object-store.already-exists')) throw error;
      const found = await objectStore.head(scope, key);
      if (found === undefined || !areEqual(found.attributes, options.attributes?.() ?? {})) throw error;
    }
  }
}

/** True when both were computed from the same bytes and the same door. */
function areEqual(stored: ObjectAttributes, expected: ObjectAttributes): boolean {
  const names = Object.keys(expected);
  return names.length === Object.keys(stored).length && names.every((name) => stored[name] === expected[name]);
}

/** One instance on its way in. */
class Receiving {
  readonly request: ReceiveRequest;
  sizeBytes = 0;
  readonly #maxBytes: number;
  readonly #scanner: DicomScanner;
  #scan: ScanResult | undefined;

  constructor(request: ReceiveRequest, maxBytes: number) {
    this.request = request;
    this.#maxBytes = maxBytes;
    this.#scanner = new DicomScanner(request.transferSyntaxUid === undefined ? {} : { transferSyntaxUid: request.transferSyntaxUid });
  }

  /** The source's chunks, scanned as they pass. */
  async *chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.sizeBytes += chunk.length;
      if (this.sizeBytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
      this.#scanner.push(chunk);
      yield chunk;
    }
  }

  /** Ends the scan; throws why the instance cannot be taken. */
  verify(): void {
    this.#scan = this.#scanner.end();
    const identifiers = requireIdentifiers(this.#scan);
    const { announced = {} } = this.request;
    const differs = (name: 'sopClassUid' | 'sopInstanceUid' | 'studyInstanceUid'): boolean =>
      announced[name] !== undefined && announced[name] !== identifiers[name];
    if (differs('studyInstanceUid')) throw new CairnError('archive.study-mismatch', 'The instance belongs to another study.');
    if (differs('sopClassUid') || differs('sopInstanceUid')) {
      throw new CairnError('archive.identifier-mismatch', 'The SOP Class or Instance UID announced is not that of the data set.');
    }
  }

  /** What was scanned; only after {@link verify}. */
  get scan(): ScanResult {
    if (this.#scan === undefined) throw new CairnError('internal.unexpected', 'The scan has not ended.');
    return this.#scan;
  }

  /** What is known of a refused instance: from its bytes if they were read to the end, else what was announced. */
  identity(): { sopClassUid?: string; sopInstanceUid?: string } {
    const sopClassUid = uidIn(this.#scan, '00080016') ?? this.request.announced?.sopClassUid;
    const sopInstanceUid = uidIn(this.#scan, '00080018') ?? this.request.announced?.sopInstanceUid;
    return { ...(sopClassUid === undefined ? {} : { sopClassUid }), ...(sopInstanceUid === undefined ? {} : { sopInstanceUid }) };
  }
}

function uidIn(scan: ScanResult | undefined, tag: string): string | undefined {
  const value = scan?.header[tag]?.Value?.[0];
  return typeof value === 'string' ? value : undefined;
}

function tooLarge(maxBytes: number): CairnError {
  return new CairnError('archive.too-large', 'The instance is larger than the limit.', { details: { maxBytes } });
}

/** Errors that say why an instance cannot be taken; others are faults of ours or of the source. */
function isRefusal(error: unknown): error is CairnError {
  return CairnError.is(error) && error.code !== 'internal.unexpected' && error.code !== 'object-store.already-exists';
}
