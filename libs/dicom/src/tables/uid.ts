const UID = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*$/;
const FIELD_UID = /^\d+(?:\.\d+)*$/;
const MAX_LENGTH = 64;

/** True for a UID by the letter of PS3.5 §9.1: digits and dots, no leading zeros, at most 64 characters. */
export function isUid(text: string): boolean {
  return text.length <= MAX_LENGTH && UID.test(text);
}

/** True for what devices in the field send as UIDs: {@link isUid}, but leading zeros in components are let through. */
export function isToleratedUid(text: string): boolean {
  return text.length <= MAX_LENGTH && FIELD_UID.test(text);
}
