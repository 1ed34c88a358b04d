import { ALL_TENANTS, systemScope } from '@cairn/core';
import type { DeadLetter, DeliveredEvent } from '@cairn/event-bus';
import { KafkaEventBus } from '@cairn/event-bus/kafka';
import { eventually } from '../harness/web.ts';

const GROUP = 'fault-run';
const all = systemScope(ALL_TENANTS);

/** What Kafka keeps of a run. */
export interface EventRecord {
  /** Receipts, by key, in the order of the topic. */
  ingest: ReadonlyMap<string, readonly DeliveredEvent[]>;
  /** The change feeds, likewise. */
  instances: ReadonlyMap<string, readonly DeliveredEvent[]>;
  studies: ReadonlyMap<string, readonly DeliveredEvent[]>;
  /** Receipts that the indexers gave up. */
  deadLetters: readonly DeadLetter[];
}

/** Reads all topics from their beginning, as a consumer group of its own. */
export async function readEvents(brokers: string): Promise<EventRecord> {
  const bus = new KafkaEventBus({ brokers: [brokers] });
  try {
    const [ingest, instances, studies] = await Promise.all(
      ['ingest.v1', 'dicom.instance.v1', 'dicom.study.v1'].map((topic) => readTopic(bus, topic)),
    );
    return { ingest: ingest!, instances: instances!, studies: studies!, deadLetters: await bus.deadLetters(all, 'ingest.v1', 'indexer') };
  } finally {
    await bus.close();
  }
}

async function readTopic(bus: KafkaEventBus, topic: string): Promise<Map<string, DeliveredEvent[]>> {
  const events = new Map<string, DeliveredEvent[]>();
  await bus.subscribe(all, topic, `${GROUP}-${topic}`, async (batch) => {
    for (const event of batch) {
      if (!events.has(event.key)) events.set(event.key, []);
      events.get(event.key)!.push(event);
    }
    return [];
  });
  await eventually(
    () => bus.lag(all, topic, `${GROUP}-${topic}`),
    (lag) => lag === 0,
    60_000,
  );
  return events;
}

/** Receipts of a study that one sender sent in a row over associations, out of their order; empty as it shall be. */
export function disorderedReceipts({ ingest }: EventRecord): string[] {
  const problems: string[] = [];
  for (const [key, events] of ingest) {
    let last = '';
    for (const event of firstDeliveries(events).filter((each) => protocolOf(each) === 'dimse')) {
      if (event.id < last) problems.push(`${key}: ${event.id} after ${last}`);
      last = event.id;
    }
  }
  return problems;
}

/**
 * Contradictions between a feed and the rule for those who follow it: apply an event if its version is newer than the one applied. They end
 * with the version that counts every receipt, and whatever comes late is told from what is new.
 */
export function brokenFeeds({ instances, studies }: EventRecord): string[] {
  const problems: string[] = [];
  for (const [key, events] of instances) {
    const receipts = new Set(events.map((event) => dataOf<{ receipt: string }>(event).receipt));
    const versions = (studies.get(key) ?? []).map((event) => dataOf<{ version: number }>(event).version);
    const newest = Math.max(...versions);
    if (newest !== receipts.size) problems.push(`${key}: version ${newest} after ${receipts.size} receipts`);
    problems.push(...stepsBack(key, versions));
  }
  return problems;
}

/** ULIDs of the receipts that the change feed tells of. */
export function announcedReceipts({ instances }: EventRecord): Set<string> {
  return new Set([...instances.values()].flat().map((event) => dataOf<{ receipt: string }>(event).receipt));
}

/** A version that is older than one before it must have been told already: a redelivery, not news that comes too late. */
function stepsBack(key: string, versions: readonly number[]): string[] {
  const told = new Set<number>();
  let newest = 0;
  const problems: string[] = [];
  for (const version of versions) {
    if (version < newest && !told.has(version)) problems.push(`${key}: version ${version} first told after ${newest}`);
    told.add(version);
    newest = Math.max(newest, version);
  }
  return problems;
}

function firstDeliveries(events: readonly DeliveredEvent[]): DeliveredEvent[] {
  const seen = new Set<string>();
  return events.filter(({ id }) => seen.size < seen.add(id).size);
}

function protocolOf({ data }: DeliveredEvent): string {
  return (JSON.parse(data.split('\n', 1)[0]!) as { receipt: { source: { protocol: string } } }).receipt.source.protocol;
}

function dataOf<T>({ data }: DeliveredEvent): T {
  return JSON.parse(data) as T;
}
