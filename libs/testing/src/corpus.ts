import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One real file of the corpus and what is known of it. */
export interface CorpusFile {
  /** Path below the corpus folder. */
  path: string;
  absolutePath: string;
  bytes: number;
  sha256: string;
  /** `accept`: must be stored unchanged; `reject`: must be refused; `either`: one of both, without harm. */
  expected: 'accept' | 'reject' | 'either';
  /** Why it is expected so, in words. */
  remark: string;
  sopClass: string;
  transferSyntaxUid: string;
  modality: string;
  charset: string;
  frames: string;
  goodFor: string;
  patientId: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  sopInstanceUid: string;
}

/**
 * The DICOM files of the corpus of real files: the folder in CAIRN_CORPUS, or `../shared/corpus` beside the repository. Undefined
 * when it is not there: such tests are skipped.
 *
 * @example (corpus() ? it : it.skip)('reads every file', …)
 */
export function corpus(): readonly CorpusFile[] | undefined {
  const root = process.env['CAIRN_CORPUS'] ?? join(import.meta.dirname, '../../../../shared/corpus');
  const manifest = join(root, 'MANIFEST.tsv');
  if (!existsSync(manifest)) return undefined;
  const [head, ...lines] = readFileSync(manifest, 'utf8').trimEnd().split('\n');
  const names = head!.split('\t');
  const rows = lines.map((line) => {
    const cells = line.split('\t');
    return (name: string): string => cells[names.indexOf(name)] ?? '';
  });
  return rows.filter((cell) => cell('path').startsWith('dicom/')).map((cell) => corpusFile(root, cell));
}

function corpusFile(root: string, cell: (name: string) => string): CorpusFile {
  const [expected = ''] = cell('expected').split('(');
  return {
    path: cell('path'),
    absolutePath: join(root, cell('path')),
    bytes: Number(cell('bytes')),
    sha256: cell('sha256'),
    expected: expected as CorpusFile['expected'],
    remark: cell('expected').slice(expected.length),
    sopClass: cell('sop_class'),
    transferSyntaxUid: cell('transfer_syntax_uid'),
    modality: cell('modality'),
    charset: cell('charset'),
    frames: cell('frames'),
    goodFor: cell('good_for'),
    patientId: cell('patient_id'),
    studyInstanceUid: cell('study_uid'),
    seriesInstanceUid: cell('series_uid'),
    sopInstanceUid: cell('sop_instance_uid'),
  };
}
