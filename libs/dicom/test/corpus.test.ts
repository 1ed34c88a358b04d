import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import type { DicomJson, DicomJsonElement, DicomJsonValue } from '@cairn/core';
import { DicomScanner, TRANSFER_SYNTAXES, convertible, encodeFileMeta, requireIdentifiers, transcodeDataSet } from '@cairn/dicom';
import { TRANSFER_SYNTAX, corpus, makeTempDir } from '@cairn/testing';
import type { CorpusFile } from '@cairn/testing';
import dcmjs from 'dcmjs';
import { chunked, codeOf, gather, randomFrom, scan } from './support.ts';

const files = corpus() ?? [];
const onCorpus = files.length > 0 ? it : it.skip;
const accepted = files.filter(({ expected }) => expected === 'accept');

/** One file of each folder, transfer syntax and character set. */
const sample = [...Map.groupBy(accepted, ({ path, transferSyntaxUid, charset }) => [dirname(path), transferSyntaxUid, charset].join())].map(
  ([, group]) => group[0]!,
);

/** A third of the sample's small files, for what costs a process each. */
const small = sample.filter(({ bytes }) => bytes < 100_000).filter((_file, index) => index % 3 === 0);

/** Why a file is refused, by the remark of the manifest; the first that fits. */
const REFUSALS: readonly (readonly [remark: RegExp, codes: readonly string[]])[] = [
  [/broken item tag/, ['dicom.invalid-structure']],
  [/media directory/, ['dicom.not-storable', 'dicom.invalid-structure']],
  [/truncated/, ['dicom.truncated']],
  [/no Transfer Syntax UID/, ['dicom.unknown-transfer-syntax']],
  [/not DICOM|text;|stray byte/, ['dicom.not-dicom']],
  [/^\(no /, ['dicom.missing-identifier']],
];

// Hundreds of files and other programs, on a machine that may be busy.
jest.setTimeout(60_000);

const read = (file: CorpusFile): Buffer => readFileSync(file.absolutePath);

describe('corpus', () => {
  onCorpus('each accepted file is described under its identifiers', () => {
    const wrong = accepted.filter((file) => {
      const result = scan(read(file), {}, 65_536);
      const found = requireIdentifiers(result);
      const isSame = found.studyInstanceUid === file.studyInstanceUid && found.sopInstanceUid === file.sopInstanceUid;
      return !isSame || result.transferSyntaxUid !== file.transferSyntaxUid;
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  onCorpus('each rejected file gets its code', () => {
    const rejected = files.filter(({ expected }) => expected === 'reject');
    const wrong = rejected.flatMap((file) => {
      const code = codeOf(() => requireIdentifiers(scan(read(file))));
      const codes = REFUSALS.find(([remark]) => remark.test(file.remark))?.[1] ?? [];
      return codes.includes(code) ? [] : [`${file.path}: ${code}`];
    });
    expect(wrong).toEqual([]);
  });

  onCorpus('all others are described or refused cleanly', () => {
    for (const file of files.filter(({ expected }) => expected === 'either')) codeOf(() => requireIdentifiers(scan(read(file), {}, 1000)));
  });

  onCorpus('chunks of any size give the same', () => {
    const random = randomFrom(11);
    for (const file of sample) {
      const bytes = read(file);
      const whole = scan(bytes);
      if (bytes.length < 4000) expect(scan(bytes, {}, 1)).toEqual(whole);
      const scanner = new DicomScanner();
      for (let at = 0; at < bytes.length;) {
        const size = 1 + random(bytes.length < 100_000 ? 200 : 30_000);
        scanner.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(scanner.end()).toEqual(whole);
    }
  });

  onCorpus('re-encoding keeps the elements', async () => {
    const targets = [TRANSFER_SYNTAX.implicitLittleEndian, TRANSFER_SYNTAX.explicitLittleEndian];
    for (const file of sample) {
      const bytes = read(file);
      const before = scan(bytes);
      for (const to of targets.filter((uid) => uid !== file.transferSyntaxUid && convertible(file.transferSyntaxUid, uid))) {
        const dataSet = bytes.subarray(before.dataSetOffset);
        const written = await gather(transcodeDataSet(chunked(dataSet, 50_000), file.transferSyntaxUid, to));
        const after = scan(written, { transferSyntaxUid: to });
        expect(differencesOf(before.header, after.header, file.path)).toEqual([]);
        if (to === TRANSFER_SYNTAX.explicitLittleEndian) expect(after.sha256Elements).toBe(before.sha256Elements);
        expect(after.pixels?.frames?.kind).toBe(before.pixels?.frames?.kind);
      }
    }
  });

  onCorpus.each([
    ['chrH31.dcm', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }],
    ['chrH32.dcm', { Alphabetic: 'ﾔﾏﾀﾞ^ﾀﾛｳ', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }],
    ['chrI2.dcm', { Alphabetic: 'Hong^Gildong', Ideographic: '洪^吉洞', Phonetic: '홍^길동' }],
    ['chrX1.dcm', { Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小東' }],
    ['chrX2.dcm', { Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小东' }],
    ['chrGreek.dcm', { Alphabetic: 'Διονυσιος' }],
    ['chrRuss.dcm', { Alphabetic: 'Люкceмбypг' }],
    ['chrFren.dcm', { Alphabetic: 'Buc^Jérôme' }],
  ])('names in %s', (name, expected) => {
    const file = files.find(({ path }) => path.endsWith(`/${name}`))!;
    expect(scan(read(file)).header['00100010']?.Value).toEqual([expected]);
  });
});

describe('against other readers', () => {
  const [toJson, toText] = ['dcm2json', 'dcmdump'];
  const onDcmtk = spawnSync(toJson, ['--version']).status === 0 ? onCorpus : it.skip;

  onDcmtk('DCMTK reads what is re-encoded with an overlay', async () => {
    const folder = await makeTempDir();
    const path = join(folder.path, 'written.dcm');
    for (const file of small) {
      const bytes = read(file);
      const { dataSetOffset, transferSyntaxUid } = scan(bytes);
      const uncompressed = [TRANSFER_SYNTAX.implicitLittleEndian, TRANSFER_SYNTAX.explicitLittleEndian];
      const to = uncompressed.find((uid) => convertible(transferSyntaxUid, uid)) ?? transferSyntaxUid;
      const overlay = { '00100020': { vr: 'LO', Value: ['OVERLAID'] } };
      const dataSet = await gather(transcodeDataSet(chunked(bytes.subarray(dataSetOffset), 9000), transferSyntaxUid, to, overlay));
      await writeFile(path, Buffer.concat([encodeFileMeta({ sopClassUid: '1.2', sopInstanceUid: '1.3', transferSyntaxUid: to }), dataSet]));
      const output = spawnSync(toText, ['+P', '0010,0020', path]);
      expect(`${file.path} ${output.stdout.toString()}`).toContain('[OVERLAID]');
    }
    await folder.remove();
  });

  onDcmtk('DCMTK reads the same', () => {
    let compared = 0;
    const differences = sample
      .filter(({ bytes }) => bytes < 100_000)
      .flatMap((file) => {
        const output = spawnSync(toJson, ['-ee', '-fc', file.absolutePath], { maxBuffer: 64 * 1024 * 1024 });
        if (output.status !== 0) return [];
        compared += 1;
        return differencesOf(scan(read(file)).header, JSON.parse(output.stdout.toString()) as DicomJson, file.path);
      });
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(10);
  });

  onCorpus('dcmjs reads the same', () => {
    dcmjs.log.setLevel('silent');
    dcmjs.log.getLogger('validation.dcmjs').setLevel('silent');
    let compared = 0;
    const differences = sample
      .filter(({ bytes }) => bytes < 1_000_000)
      .flatMap((file) => {
        const theirs = readByDcmjs(read(file));
        if (!theirs) return [];
        compared += 1;
        return differencesOf(scan(read(file)).header, theirs, file.path);
      });
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(100);
  });
});

/** (0008,0005), which both rewrite, and pixel data. */
const KNOWN_DIFFERENCES: ReadonlySet<string> = new Set(['00080005', '7FE00010']);

/** Compared is what both describe in the same VR; not binary values and what is known to be read otherwise. */
function differencesOf(ours: DicomJson, theirs: DicomJson, where: string): string[] {
  return Object.keys(ours).flatMap((tag) => {
    const [mine, other] = [ours[tag]!, theirs[tag]];
    if (other?.vr !== mine.vr || KNOWN_DIFFERENCES.has(tag) || isOpaque(mine)) return [];
    if (mine.vr !== 'SQ') return textOf(mine) === textOf(other) ? [] : [`${where} ${tag}: ${textOf(mine)} / ${textOf(other)}`];
    const [items, others] = [mine.Value ?? [], other.Value ?? []] as [DicomJson[], DicomJson[]];
    return items.flatMap((item, index) => differencesOf(item, others[index] ?? {}, `${where} ${tag}/${index}`));
  });
}

/** Only we read codes in the character set that is declared. */
function isOpaque(element: DicomJsonElement): boolean {
  if (element.vr === 'CS') return /[^ -~]/.test(textOf(element));
  return element.BulkDataURI !== undefined || element.InlineBinary !== undefined || /^(?:UN|O.)$/.test(element.vr);
}

/** Values in a form that does not depend on how a reader treats numbers, empty values and padding. */
function textOf(element: DicomJsonElement): string {
  const one = (value: DicomJsonValue): string => {
    if (value === null || (typeof value === 'number' && Number.isNaN(value))) return '';
    if (element.vr === 'PN')
      return Object.values(value)
        .map((group: string) => group.replace(/[\^ ]+$/, ''))
        .join('=')
        .replace(/=+$/, '');
    if (element.vr === 'AT' && typeof value === 'number') return value.toString(16).toUpperCase().padStart(8, '0');
    if (/^(?:DS|IS)$/.test(element.vr)) return String(Number(value)).replace('NaN', '');
    if (/^(?:FL|FD)$/.test(element.vr)) return String(Math.fround(Number(value)));
    return typeof value === 'object' ? JSON.stringify(value) : String(value).replaceAll('\0', '').trim();
  };
  const text = [...(element.Value ?? [])].map(one).join('\\');
  // dcmjs gives 0 for an empty number.
  return /^(?:US|SS|UL|SL|FL|FD)$/.test(element.vr) && text === '0' ? '' : text;
}

function readByDcmjs(bytes: Buffer): DicomJson | undefined {
  try {
    const { buffer, byteOffset, byteLength } = bytes;
    return dcmjs.data.DicomMessage.readFile(buffer.slice(byteOffset, byteOffset + byteLength)).dict as DicomJson;
  } catch {
    return undefined;
  }
}

describe('corpus files by kind', () => {
  onCorpus('cover the transfer syntaxes that are claimed', () => {
    const unknown = accepted.filter(({ transferSyntaxUid }) => !TRANSFER_SYNTAXES.has(transferSyntaxUid));
    expect(unknown.map(({ path }) => path)).toEqual([]);
  });
});
