import { isUlid, ulidHour } from '@cairn/core';

const KEY = /^journal\/[^/]+\/\d{10}\/([^/.]+)\.ndjson$/;

/** `journal/<tenant>/<yyyymmddhh>/<ulid>.ndjson`, named after the first fact in it. */
export function journalKey(tenant: string, ulid: string): string {
  return `journal/${tenant}/${ulidHour(ulid)}/${ulid}.ndjson`;
}

/** True for a key that {@link journalKey} could have made. */
export function isJournalKey(key: string): boolean {
  return isUlid(KEY.exec(key)?.[1] ?? '');
}
