import { isUlid, ulidHour } from '@cairn/core';

/** What lies under a receipt's name in the landing zone: the instance, and texts too large for an event, gzipped. */
export type LandingPart = 'dcm' | 'header' | 'frames';

const KEY = /^landing\/([^/]+)\/(\d{10})\/([^/.]+)\.(dcm|header|frames)$/;

/** `landing/<tenant>/<yyyymmddhh>/<ulid>.<part>`; the hour is the ULID's, UTC. */
export function landingKey(tenant: string, ulid: string, part: LandingPart = 'dcm'): string {
  return `landing/${tenant}/${ulidHour(ulid)}/${ulid}.${part}`;
}

/** The receipt and part that a key names; undefined for a key of another form. */
export function parseLandingKey(key: string): { ulid: string; part: LandingPart } | undefined {
  const [, , , ulid, part] = KEY.exec(key) ?? [];
  return ulid !== undefined && isUlid(ulid) ? { ulid, part: part as LandingPart } : undefined;
}
