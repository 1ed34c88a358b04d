import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/**
 * The archive's metrics in one place: names, meaning and labels. No label ever holds patient data, UIDs or AE titles.
 */
export class Metrics {
  readonly #registry = new Registry();

  /** Calls of the object store: `put`, `get`, `head`, `list`, `copy`, `delete`. */
  readonly objectStoreOperations = this.#counter('cairn_object_store_operations_total', 'Object store calls by operation.', ['operation']);
  /** Instances taken or refused, by protocol (`dimse`, `stow`) and outcome (`stored`, `refused`). */
  readonly instancesReceived = this.#counter('cairn_instances_received_total', 'Instances received by protocol and outcome.', [
    'protocol',
    'outcome',
  ]);
  readonly bytesReceived = this.#counter('cairn_received_bytes_total', 'Bytes of stored instances by protocol.', ['protocol']);
  /** From the acknowledgement to the index, seconds. */
  readonly visibleSeconds = this.#histogram(
    'cairn_index_visible_seconds',
    'Seconds from receipt to visibility in queries.',
    [],
    [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30],
  );
  readonly receiptsIndexed = this.#counter('cairn_index_receipts_total', 'Receipts indexed by outcome.', ['outcome']);
  readonly conflicts = this.#counter('cairn_index_conflicts_total', 'Identity conflicts flagged by kind.', ['kind']);
  readonly associations = this.#gauge('cairn_dimse_associations', 'Associations open now.', []);
  readonly associationsTotal = this.#counter('cairn_dimse_associations_total', 'Associations by how they ended.', ['outcome']);
  readonly dimseMessages = this.#counter('cairn_dimse_messages_total', 'DIMSE requests served by command and status class.', [
    'command',
    'status',
  ]);
  readonly httpRequests = this.#counter('cairn_http_requests_total', 'HTTP requests by route, method and status.', [
    'route',
    'method',
    'status',
  ]);
  readonly httpSeconds = this.#histogram(
    'cairn_http_request_seconds',
    'Seconds to the end of an HTTP answer by route and method.',
    ['route', 'method'],
    [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
  );

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** The content type of {@link render}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Every metric in Prometheus' text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** A gauge whose value is asked for at each scrape. */
  observe(name: string, help: string, read: () => number | Promise<number>): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelNames: string[], buckets: number[]): Histogram {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.#registry] });
  }
}
