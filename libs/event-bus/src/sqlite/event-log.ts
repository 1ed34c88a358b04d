import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { ALL_TENANTS } from '@cairn/core';
import type { DeadLetter, DeliveredEvent, OutgoingEvent } from '../event-bus.ts';

/** A topic that no group ever subscribed to keeps this many events for a group to come. */
const KEPT_WITHOUT_GROUP = 10_000;
/** Bytes of event data read at a time. */
const READ_BYTES = 8 * 1024 * 1024;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, tenant TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL,
    type TEXT NOT NULL, data TEXT NOT NULL, publishedMs INTEGER NOT NULL, onlyFor TEXT, traceparent TEXT);
  CREATE INDEX IF NOT EXISTS eventsByTopic ON events (topic, sequence);
  CREATE TABLE IF NOT EXISTS groups (
    topic TEXT NOT NULL, subscriber TEXT NOT NULL, committed INTEGER NOT NULL, PRIMARY KEY (topic, subscriber)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS deadLetters (
    number INTEGER PRIMARY KEY, topic TEXT NOT NULL, subscriber TEXT NOT NULL, id TEXT NOT NULL, event TEXT NOT NULL, reason TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS deadLettersBySubscriber ON deadLetters (topic, subscriber, id);
`;

/** Who reads a topic: a group of one tenant, or of all. */
export interface Subscriber {
  topic: string;
  tenant: string;
  group: string;
}

/** An event as it is appended. */
export interface AppendedEvent extends OutgoingEvent {
  topic: string;
  tenant: string;
  publishedMs: number;
}

/** What {@link EventLog.read} found. */
export interface LogPage {
  events: DeliveredEvent[];
  /** True when the subscriber has nothing more to read now. */
  atEnd: boolean;
}

/**
 * The bus's log in one SQLite file; synchronous, so it lives in a worker. A commit of SQLite's log survives a crash of the process;
 * a power cut may take the last moments, which the publishers' reconcilers repair.
 */
export class EventLog {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #commit: StatementSync;
  readonly #trim: StatementSync;
  readonly #appendedWithoutGroup = new Map<string, number>();

  /** @param file - path of the database, `:memory:` for tests */
  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    this.#db.exec(SCHEMA);
    addColumn(this.#db, 'events', 'traceparent');
    this.#insert = this.#db.prepare(
      'INSERT INTO events (topic, tenant, id, key, type, data, publishedMs, onlyFor, traceparent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#select = this.#db.prepare(
      `SELECT sequence, tenant, id, key, type, data, publishedMs, traceparent FROM events
       WHERE topic = ? AND sequence > ? AND (tenant = ? OR ? = '${ALL_TENANTS}') AND (onlyFor IS NULL OR onlyFor = ?)
       ORDER BY sequence LIMIT ?`,
    );
    this.#commit = this.#db.prepare('UPDATE groups SET committed = max(committed, ?) WHERE topic = ? AND subscriber = ?');
    this.#trim = this.#db.prepare(
      'DELETE FROM events WHERE topic = ?1 AND sequence <= (SELECT min(committed) FROM groups WHERE topic = ?1)',
    );
  }

  /** Throws when the log cannot be read. */
  check(): void {
    this.#db.prepare('SELECT 1').get();
  }

  /** Appends in one transaction; the sequence of the first, the others follow without gap. */
  append(events: readonly AppendedEvent[]): number {
    const last = this.#transaction(() => {
      let sequence = 0;
      for (const event of events) sequence = this.#append(event, null);
      for (const topic of new Set(events.map((event) => event.topic))) this.#trimWithoutGroup(topic);
      return sequence;
    });
    return last - events.length + 1;
  }

  /** Makes the group known, so that nothing it has not committed is trimmed; the sequence that it committed last. */
  register(subscriber: Subscriber): number {
    const name = nameOf(subscriber);
    this.#db.prepare('INSERT OR IGNORE INTO groups (topic, subscriber, committed) VALUES (?, ?, 0)').run(subscriber.topic, name);
    const row = this.#db.prepare('SELECT committed FROM groups WHERE topic = ? AND subscriber = ?').get(subscriber.topic, name);
    return Number(row?.['committed']);
  }

  /** The next events of a subscriber after a sequence: at most `limit` and about 8 MiB. */
  read(subscriber: Subscriber, after: number, limit: number): LogPage {
    const { topic, tenant } = subscriber;
    const events: DeliveredEvent[] = [];
    let bytes = 0;
    for (const row of this.#select.iterate(topic, after, tenant, tenant, nameOf(subscriber), limit)) {
      const event = toEvent(row);
      events.push(event);
      bytes += event.data.length;
      if (bytes >= READ_BYTES) return { events, atEnd: false };
    }
    return { events, atEnd: events.length < limit };
  }

  /** Notes that the subscriber is done with everything up to `sequence`, and drops what all groups of the topic are done with. */
  commit(subscriber: Subscriber, sequence: number): void {
    this.#transaction(() => {
      this.#commit.run(sequence, subscriber.topic, nameOf(subscriber));
      this.#trim.run(subscriber.topic);
    });
  }

  /** Events that the subscriber has not committed. */
  lag(subscriber: Subscriber): number {
    const { topic, tenant } = subscriber;
    const row = this.#db
      .prepare(
        `SELECT count(*) AS lag FROM events WHERE topic = ?1 AND (tenant = ?2 OR ?2 = '${ALL_TENANTS}') AND (onlyFor IS NULL OR onlyFor = ?3)
         AND sequence > coalesce((SELECT committed FROM groups WHERE topic = ?1 AND subscriber = ?3), 0)`,
      )
      .get(topic, tenant, nameOf(subscriber));
    return Number(row?.['lag']);
  }

  addDeadLetter(subscriber: Subscriber, event: DeliveredEvent, reason: string): void {
    this.#db
      .prepare('INSERT INTO deadLetters (topic, subscriber, id, event, reason) VALUES (?, ?, ?, ?, ?)')
      .run(subscriber.topic, nameOf(subscriber), event.id, JSON.stringify(event), reason);
  }

  deadLetters(subscriber: Subscriber): DeadLetter[] {
    const rows = this.#db
      .prepare('SELECT event, reason FROM deadLetters WHERE topic = ? AND subscriber = ? ORDER BY number')
      .all(subscriber.topic, nameOf(subscriber));
    return rows.map((row) => ({
      topic: subscriber.topic,
      group: subscriber.group,
      event: JSON.parse(String(row['event'])) as DeliveredEvent,
      reason: String(row['reason']),
    }));
  }

  /** Turns a dead letter back into an event for this subscriber alone; undefined when there is none of this id. */
  replay(subscriber: Subscriber, id: string): DeliveredEvent | undefined {
    const { topic } = subscriber;
    const name = nameOf(subscriber);
    return this.#transaction(() => {
      const row = this.#db
        .prepare('DELETE FROM deadLetters WHERE topic = ? AND subscriber = ? AND id = ? RETURNING event')
        .get(topic, name, id);
      if (row === undefined) return undefined;
      const event = JSON.parse(String(row['event'])) as DeliveredEvent;
      return { ...event, sequence: this.#append({ ...event, topic }, name), attempt: 1 };
    });
  }

  close(): void {
    this.#db.close();
  }

  #append(event: AppendedEvent, onlyFor: string | null): number {
    const { topic, tenant, id, key, type, data, publishedMs, traceparent = null } = event;
    return Number(this.#insert.run(topic, tenant, id, key, type, data, publishedMs, onlyFor, traceparent).lastInsertRowid);
  }

  /** Bounds a topic that nobody reads, looking at it only once in a while. */
  #trimWithoutGroup(topic: string): void {
    const appended = (this.#appendedWithoutGroup.get(topic) ?? 0) + 1;
    this.#appendedWithoutGroup.set(topic, appended % (KEPT_WITHOUT_GROUP / 10));
    if (appended < KEPT_WITHOUT_GROUP / 10) return;
    this.#db
      .prepare(
        `DELETE FROM events WHERE topic = ?1 AND NOT EXISTS (SELECT 1 FROM groups WHERE topic = ?1)
         AND sequence <= (SELECT sequence FROM events WHERE topic = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ${KEPT_WITHOUT_GROUP})`,
      )
      .run(topic);
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

/** Logs of earlier versions lack the column. */
function addColumn(db: DatabaseSync, table: string, column: string): void {
  const columns = db.prepare(`PRAGMA table_info(${table})`).all();
  if (columns.every(({ name }) => name !== column)) db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} TEXT`);
}

/** A subscriber's name within its topic; no tenant's name holds a `|`. */
function nameOf(subscriber: Subscriber): string {
  return `${subscriber.tenant}|${subscriber.group}`;
}

function toEvent(row: Record<string, unknown>): DeliveredEvent {
  return {
    tenant: String(row['tenant']),
    sequence: Number(row['sequence']),
    publishedMs: Number(row['publishedMs']),
    attempt: 1,
    id: String(row['id']),
    key: String(row['key']),
    type: String(row['type']),
    data: String(row['data']),
    ...(typeof row['traceparent'] === 'string' ? { traceparent: row['traceparent'] } : {}),
  };
}
