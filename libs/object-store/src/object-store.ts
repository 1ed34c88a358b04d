import type { Scope } from '@cairn/core';

/** Facts that travel with an object and are not in its bytes: at most 2 KiB as JSON. */
export type ObjectAttributes = Readonly<Record<string, string>>;

/** What {@link ObjectStore.put} made. */
export interface PutResult {
  sizeBytes: number;
}

/** What {@link ObjectStore.head} tells. */
export interface ObjectInfo {
  key: string;
  sizeBytes: number;
  attributes: ObjectAttributes;
}

/** How an object is put. */
export interface PutOptions {
  /** Computed when the last byte has been consumed, so that digests made in the same pass can travel as attributes. */
  attributes?: () => ObjectAttributes;
  /**
   * Called once after the last byte and before the object gets its name, with the bytes written. Throws to refuse the object:
   * nothing is then left behind and `put` rejects with that error.
   */
  verify?: (sizeBytes: number) => void;
  signal?: AbortSignal;
}

/** A half-open byte range; `end` undefined means to the object's end. */
export interface ByteRange {
  start: number;
  /** First byte not wanted. */
  end?: number;
}

/** What an adapter can do that others cannot. */
export interface ObjectStoreSupports {
  /** Two concurrent puts of one key: exactly one succeeds. */
  exactCreateOnly: boolean;
  /**
   * Lists are in byte order also where a folder's name begins another name: `a/x` comes after `a-b` and `a.b`. Without it such
   * keys come in the order of their segments, and `after` counts in that order.
   */
  byteOrder: boolean;
}

/**
 * Immutable objects under keys such as `landing/<tenant>/<hour>/<ulid>.dcm`. The second segment of a key is a tenant: a key
 * of another tenant than the scope's is refused with `object-store.invalid-key`, as is one with empty, `.` or `..` segments,
 * characters outside `[A-Za-z0-9._-]` or more than 1,024 characters.
 */
export interface ObjectStore {
  readonly supports: ObjectStoreSupports;

  /**
   * Stores the bytes durably under a new key; when it resolves, no crash of process or machine loses them. An existing key →
   * `object-store.already-exists`, its object unchanged. A failing or aborted source leaves nothing under the key. Chunks are
   * not copied and must not change after they were yielded; the next is asked for only as fast as the store takes them.
   * No space → `object-store.full` (retriable); folder gone or read-only → `object-store.unavailable` (retriable).
   */
  put(scope: Scope, key: string, source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<PutResult>;

  /**
   * Opens an object or a range of it: resolves when it is open, so that absence (`object-store.not-found`) is known before
   * the first byte; a range outside the object → `object-store.invalid-range`. Chunks are at most 1 MiB. `sizeBytes` counts
   * what the chunks give: the range's length. Who does not read the chunks to their end ends their iterator (`for await` does).
   */
  get(
    scope: Scope,
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<{ sizeBytes: number; chunks: AsyncIterable<Uint8Array> }>;

  /** Size and attributes; undefined when absent. */
  head(scope: Scope, key: string): Promise<ObjectInfo | undefined>;

  /** Keys with the prefix, in ascending byte order (see `supports.byteOrder`), only those after `after`. The prefix names the tenant, e.g. `landing/default/`. */
  list(scope: Scope, prefix: string, after?: string): AsyncIterable<{ key: string; sizeBytes: number }>;

  /** Copies within the store, attributes included; create-only and durable like put. */
  copy(scope: Scope, from: string, to: string): Promise<void>;

  /** Removes an object; an absent one is no error. */
  delete(scope: Scope, key: string): Promise<void>;

  /** Throws `object-store.unavailable` when objects cannot be written now. */
  check(scope: Scope): Promise<void>;

  /** Waits for puts under way, then refuses further calls. */
  close(): Promise<void>;
}
