import type { CorpusFile } from '@cairn/testing';

/** How a file is refused: Failure Reason (0008,1197) over the web, status of the C-STORE response. */
export interface Rejection {
  stowReason: number;
  status: number;
}

/** By what the manifest says of the file; docs/reference/errors.md lists the same numbers. The first that fits counts. */
const REJECTIONS: readonly (readonly [RegExp, Rejection])[] = [
  [/media directory/, { stowReason: 0x0122, status: 0x0122 }],
  [/no Transfer Syntax UID/, { stowReason: 0xc122, status: 0xc007 }],
  [/truncated/, { stowReason: 0xc000, status: 0xc002 }],
  [/not DICOM|text;|stray byte/, { stowReason: 0xc000, status: 0xc001 }],
  [/^\(no /, { stowReason: 0xc000, status: 0xc008 }],
];

/** The answer that a file marked `reject` must get. */
export function rejection(file: CorpusFile): Rejection {
  const found = REJECTIONS.find(([remark]) => remark.test(file.remark));
  if (!found) throw new Error(`No rule for ${file.path}: ${file.remark}`);
  return found[1];
}
