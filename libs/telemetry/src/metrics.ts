import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const SAMPLE_TIMEOUT_MS = 1000;

/** What a metric is, for the operations reference. */
export interface MetricDescription {
  name: string;
  help: string;
  /** `counter`, `gauge` or `histogram`. */
  type: string;
  labels: readonly string[];
}

/**
 * The archive's metrics in one place: names, meaning and labels. No label ever holds patient data, UIDs or AE titles.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #labels = new Map<string, readonly string[]>();
  readonly #samples: (() => Promise<void>)[] = [];

  /** Calls of the object store: `put`, `get`, `head`, `list`, `copy`, `delete`. */
  readonly objectStoreOperations = this.#counter('cairn_object_store_operations_total', 'Object store calls by operation.', ['operation']);
  /** Instances taken or refused, by protocol (`dimse`, `stow`) and outcome (`stored`, `refused`). */
  readonly instancesReceived = this.#counter('cairn_instances_received_total', 'Instances received by protocol and outcome.', [
    'protocol',
    'outcome',
  ]);
  readonly bytesReceived = this.#counter('cairn_received_bytes_total', 'Bytes of stored instances by protocol.', ['protocol']);
  /** Counted from the receipt's ULID, which is drawn when the first byte comes: the time of the transfer is in it, so never too small. */
  readonly visibleSeconds = this.#histogram(
    'cairn_index_visible_seconds',
    'Seconds from the beginning of receipt to visibility in queries.',
    [],
    [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30],
  );
  readonly receiptsIndexed = this.#counter('cairn_index_receipts_total', 'Receipts indexed by outcome.', ['outcome']);
  readonly eventLag = this.#gauge('cairn_event_lag', 'Events published and not yet handled, by topic and consumer group.', [
    'topic',
    'group',
  ]);
  readonly eventSpoolDepth = this.#gauge('cairn_event_spool_depth', 'Events of instances received that the bus has not taken yet.', []);
  readonly eventsLost = this.#counter('cairn_events_lost_total', 'Events given up; the next reconciliation indexes their instances.', []);
  readonly deadLetters = this.#counter(
    'cairn_event_dead_letters_total',
    'Events that no delivery could handle, by topic and consumer group.',
    ['topic', 'group'],
  );
  readonly conflicts = this.#counter('cairn_index_conflicts_total', 'Identity conflicts flagged by kind.', ['kind']);
  readonly associations = this.#gauge('cairn_dimse_associations', 'Associations open now.', []);
  readonly associationsTotal = this.#counter('cairn_dimse_associations_total', 'Associations by how they ended.', ['outcome']);
  readonly dimseMessages = this.#counter('cairn_dimse_messages_total', 'DIMSE requests served by command and status class.', [
    'command',
    'status',
  ]);
  readonly dimseSeconds = this.#histogram(
    'cairn_dimse_request_seconds',
    'Seconds from a DIMSE request to its final answer by command.',
    ['command'],
    [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
  );
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

  /** The archive's own metrics: what each is and how it is split. Those of the Node process are not in it. */
  async describe(): Promise<readonly MetricDescription[]> {
    const described = await this.#registry.getMetricsAsJSON();
    return described
      .filter(({ name }) => this.#labels.has(name))
      .map(({ name, help, type }) => ({ name, help, type: String(type), labels: this.#labels.get(name)! }));
  }

  /** Every metric in Prometheus' text format. */
  async render(): Promise<string> {
    await Promise.all(this.#samples.map((sample) => sample()));
    return this.#registry.metrics();
  }

  /** Has a gauge read at each scrape. While that fails or takes longer than a second, the gauge has no value. */
  sample(gauge: Gauge, labels: Readonly<Record<string, string>>, read: () => number | Promise<number>): void {
    this.#samples.push(async () => {
      const value = await withinTime(read);
      if (value === undefined) gauge.remove(labels);
      else gauge.set(labels, value);
    });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    this.#labels.set(name, labelNames);
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    this.#labels.set(name, labelNames);
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelNames: string[], buckets: number[]): Histogram {
    this.#labels.set(name, labelNames);
    return new Histogram({ name, help, labelNames, buckets, registers: [this.#registry] });
  }
}

async function withinTime(read: () => number | Promise<number>): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), SAMPLE_TIMEOUT_MS)));
  try {
    return await Promise.race([read(), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
