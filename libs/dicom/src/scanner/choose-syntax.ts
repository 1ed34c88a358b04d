import { CairnError } from '@cairn/core';
import type { DicomJson } from '@cairn/core';
import {
  EXPLICIT_VR_BIG_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
  TRANSFER_SYNTAXES,
} from '../tables/transfer-syntaxes.ts';
import { isUid } from '../tables/uid.ts';
import type { Encoding } from './element.ts';
import { sniffEncoding } from './sniff.ts';

/** How the data set is read. */
export interface ChosenSyntax {
  transferSyntaxUid: string;
  encoding: Encoding;
  deflated: boolean;
  /** The UID was guessed from the bytes, so it says nothing about compression. */
  isGuess: boolean;
  warnings: string[];
}

/** The transfer syntax named by meta information; `dicom.unknown-transfer-syntax` when it is missing or no UID. */
export function syntaxOfMeta(meta: DicomJson): string {
  const uid = meta['00020010']?.Value?.[0];
  if (typeof uid !== 'string' || !isUid(uid)) {
    throw new CairnError('dicom.unknown-transfer-syntax', 'The file meta information has no valid Transfer Syntax UID.');
  }
  return uid;
}

/**
 * The coding of a data set whose transfer syntax is named. A private syntax is read as Explicit VR Little Endian (PS3.5 §10.2).
 * Where the first element contradicts the name about implicit or explicit, the element is right.
 */
export function namedSyntax(transferSyntaxUid: string, start: Buffer): ChosenSyntax {
  const syntax = TRANSFER_SYNTAXES.get(transferSyntaxUid);
  const { explicit, bigEndian, deflated } = syntax ?? { explicit: true, bigEndian: false, deflated: false };
  const warnings = syntax ? [] : ['unknown transfer syntax'];
  const seen = deflated ? undefined : sniffEncoding(start);
  const isContradicted = seen !== undefined && !bigEndian && !seen.bigEndian && seen.explicit !== explicit;
  if (isContradicted) warnings.push('the data set is not coded as its transfer syntax says');
  const encoding = isContradicted ? seen : { explicit, bigEndian };
  return { transferSyntaxUid, encoding, deflated, isGuess: false, warnings };
}

/** The coding of a bare data set of unknown syntax, from its first element; `dicom.not-dicom` when it shows none. */
export function guessedSyntax(start: Buffer): ChosenSyntax {
  const encoding = sniffEncoding(start);
  if (!encoding) throw new CairnError('dicom.not-dicom', 'The bytes are neither a Part 10 file nor a data set.');
  const explicitUid = encoding.bigEndian ? EXPLICIT_VR_BIG_ENDIAN : EXPLICIT_VR_LITTLE_ENDIAN;
  const transferSyntaxUid = encoding.explicit ? explicitUid : IMPLICIT_VR_LITTLE_ENDIAN;
  return { transferSyntaxUid, encoding, deflated: false, isGuess: true, warnings: ['no file meta information'] };
}
