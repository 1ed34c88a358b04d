import type { CorpusFile } from '@cairn/testing';

/** How a file is refused: Failure Reason (0008,1197) over the web, status of the C-STORE response. */
export interface Rejection {
  stowReason: number;
  status: number;
}

/** By path and remark of the manifest; docs/reference/errors.md lists the same numbers. The first that fits counts. */
const REJECTIONS: readonly (readonly [RegExp, Rejection])[] = [
  // Its sequence has a wrong length: the data set cannot be read as far as its class.
  [/DICOMDIR-nooffset/, { stowReason: 0xc000, status: 0xc004 }],
  [/media directory/, { stowReason: 0x0122, status: 0x0122 }],
  [/no Transfer Syntax UID/, { stowReason: 0xc122, status: 0xc007 }],
  [/truncated/, { stowReason: 0xc000, status: 0xc002 }],
  [/not DICOM|text;|stray byte/, { stowReason: 0xc000, status: 0xc001 }],
  [/\(no /, { stowReason: 0xc000, status: 0xc008 }],
];

/** The answer that a file marked `reject` must get. */
export function rejection(file: CorpusFile): Rejection {
  const found = REJECTIONS.find(([pattern]) => pattern.test(file.path + file.remark));
  if (!found) throw new Error(`No rule for ${file.path}: ${file.remark}`);
  return found[1];
}
