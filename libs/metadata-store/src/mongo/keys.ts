/** Identity string of parts, the tenant first: the `_id` of a document. Parts are escaped, so that no two lists give the same. */
export function idOf(tenant: string, ...parts: readonly string[]): string {
  return [tenant, ...parts.map((part) => part.replaceAll('%', '%25').replaceAll('|', '%7C'))].join('|');
}

/** The bounds of a tenant's identity strings. */
export function ofTenant(tenant: string): { $gte: string; $lt: string } {
  return startingWith(`${tenant}|`);
}

/** The bounds of strings with a prefix: a range, because every engine takes it from an index. The prefix ends in a character below U+FFFF. */
export function startingWith(prefix: string): { $gte: string; $lt: string } {
  return { $gte: prefix, $lt: prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1) };
}

/** Where a study stands in the order of studies, as text: its place, then its UID, for studies whose places collide. */
export function studyOrder(place: number, studyInstanceUid: string): string {
  return `${placeText(place)}|${studyInstanceUid}`;
}

/** A place as text of fixed length. */
export function placeText(place: number): string {
  return String(place).padStart(16, '0');
}

/** Stands for an absent series or instance number: after every IS value. */
const NO_NUMBER = 2 ** 31;
/** Makes every safe integer positive. */
const ZERO = 2n ** 53n;

/** Where a series or instance stands among those of its parent, as text: its number, without one last, then its UID. */
export function numberOrder(number: number | undefined, uid: string): string {
  return `${String(BigInt(number ?? NO_NUMBER) + ZERO).padStart(17, '0')}|${uid}`;
}

/** Where a patient stands in the order of patients, as text: its folded name, then its key. */
export function patientOrder(name: string, patientKey: string): string {
  return `${name}\0${patientKey}`;
}
