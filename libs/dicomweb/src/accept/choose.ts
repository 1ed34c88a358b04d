import { CairnError } from '@cairn/core';
import type { BulkChoice, InstanceChoice } from './negotiate.ts';
import { EXPLICIT_LITTLE_ENDIAN, OCTET_STREAM, isEncodedAs } from './media-type-table.ts';

/** Can an instance stored in the first syntax be given in the second (`*`: as stored)? */
export type CanGive = (storedTransferSyntaxUid: string, wanted: string) => boolean;

/** Implicit VR Little Endian and Explicit VR Big Endian: not to be asked for over the web (PS3.18 §8.7.3.5); `*` may give them. */
const NOT_FOR_THE_WEB = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.2']);

/** The transfer syntax to ask the archive for, by one choice; undefined when it cannot be met. */
export function chooseTransferSyntax(choice: InstanceChoice, stored: string, canGive: CanGive): string | undefined {
  // Nothing named: Explicit VR Little Endian, and where that would need a decoder, as stored (PS3.18 §8.7.3.4).
  const wanted = choice.transferSyntaxes.length > 0 ? choice.transferSyntaxes : [EXPLICIT_LITTLE_ENDIAN, '*'];
  return wanted.find((uid) => uid === '*' || (!NOT_FOR_THE_WEB.has(uid) && canGive(stored, uid)));
}

/** What is known of stored bytes that are to be given as frames or bulk data. */
export interface StoredBytes {
  /** Their own media type: `image/jls`, `application/pdf`, `application/octet-stream` when uncompressed. */
  mediaType: string;
  /** Syntax in which they can be given without conversion; Explicit VR Little Endian for uncompressed ones. */
  transferSyntaxUid: string;
}

/** How frames or bulk data are sent. */
export interface ChosenBytes {
  multipart: boolean;
  mediaType: string;
}

/**
 * The first choice that the stored bytes meet without conversion. `*` or no syntax: as stored; a named one must be the stored
 * one. Throws `web.not-acceptable`.
 */
export function chooseBytes(choices: readonly BulkChoice[], stored: StoredBytes): ChosenBytes {
  for (const choice of choices) {
    const mediaType = givenType(choice.mediaType, stored);
    const named = choice.transferSyntaxes;
    const fits = named.length === 0 || named.includes('*') || named.includes(stored.transferSyntaxUid);
    if (mediaType !== undefined && fits) return { multipart: choice.multipart, mediaType };
  }
  throw new CairnError(
    'web.not-acceptable',
    'The pixel or bulk data cannot be given as any of the accepted media types and transfer syntaxes.',
    {
      details: { transferSyntaxUid: stored.transferSyntaxUid },
    },
  );
}

/** The media type to send for a wanted one or range; undefined when the stored bytes are not of it. */
function givenType(wanted: string, stored: StoredBytes): string | undefined {
  if (wanted === OCTET_STREAM) return OCTET_STREAM;
  const own = stored.mediaType.toLowerCase();
  if (wanted === '*/*' || wanted === own || isEncodedAs(stored.transferSyntaxUid, wanted)) return stored.mediaType;
  return wanted.endsWith('/*') && own.startsWith(wanted.slice(0, -1)) ? stored.mediaType : undefined;
}
