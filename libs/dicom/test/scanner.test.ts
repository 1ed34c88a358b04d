import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { DicomScanner, requireIdentifiers } from '@cairn/dicom';
import { TINY, TRANSFER_SYNTAX, aStudy, dataSetOffset, element, sequence, writeDataSet, writeDicom } from '@cairn/testing';
import { codeOf, randomFrom, scan, withIdentity } from './support.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const instance = aStudy({ ...TINY, patientName: 'Döe^Jane' }).instances[0]!;

describe('DicomScanner', () => {
  it('describes a Part 10 file', () => {
    const bytes = instance.bytes();
    const result = scan(bytes);
    const offset = dataSetOffset(bytes);
    expect(result).toMatchObject({
      transferSyntaxUid: TRANSFER_SYNTAX.explicitLittleEndian,
      sizeBytes: bytes.length,
      dataSetOffset: offset,
      hasPreamble: true,
      sha256Meta: sha256(bytes.subarray(0, offset)),
      sha256DataSet: sha256(bytes.subarray(offset)),
      warnings: [],
    });
    expect(result.meta['00020010']).toEqual({ vr: 'UI', Value: [TRANSFER_SYNTAX.explicitLittleEndian] });
    expect(result.header['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'Döe^Jane' }] });
    expect(result.header['7FE00010']).toEqual({ vr: 'OW', BulkDataURI: 'bulkdata/7FE00010' });
    expect(result.bulk['7FE00010']).toEqual(result.pixels!.span);
    expect(requireIdentifiers(result)).toEqual({
      studyInstanceUid: instance.studyInstanceUid,
      seriesInstanceUid: instance.seriesInstanceUid,
      sopInstanceUid: instance.sopInstanceUid,
      sopClassUid: instance.sopClassUid,
    });
  });

  it('gives the same for chunks of one byte, of random sizes and whole', () => {
    const bytes = instance.bytes();
    const whole = scan(bytes);
    expect(scan(bytes, {}, 1)).toEqual(whole);
    const random = randomFrom(7);
    for (let round = 0; round < 20; round++) {
      const scanner = new DicomScanner();
      for (let at = 0; at < bytes.length;) {
        const size = 1 + random(700);
        scanner.push(Uint8Array.from(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(scanner.end()).toEqual(whole);
    }
  });

  it.each(Object.entries(TRANSFER_SYNTAX).filter(([name]) => !['mpeg4'].includes(name)))('reads %s', (_name, transferSyntaxUid) => {
    const study = aStudy({ ...TINY, transferSyntaxUid, frames: 2 });
    const result = scan(study.instances[0]!.bytes(), {}, 100);
    expect(result.transferSyntaxUid).toBe(transferSyntaxUid);
    expect(result.header['00081140']?.Value).toHaveLength(1);
    expect(result.pixels?.problem).toBeUndefined();
    expect(result.warnings).toEqual([]);
  });

  it.each(['implicitLittleEndian', 'explicitLittleEndian', 'explicitBigEndian', 'deflated'] as const)(
    'takes a bare data set of known syntax: %s',
    (name) => {
      const transferSyntaxUid = TRANSFER_SYNTAX[name];
      const bytes = writeDataSet({ elements: instance.elements(), transferSyntaxUid });
      const result = scan(bytes, { transferSyntaxUid }, 50);
      expect(result).toMatchObject({ transferSyntaxUid, dataSetOffset: 0, hasPreamble: false, meta: {}, sha256DataSet: sha256(bytes) });
      expect(result.header['00100020']?.Value).toEqual(['P1']);
    },
  );

  it.each(['implicitLittleEndian', 'explicitLittleEndian', 'explicitBigEndian'] as const)('guesses a bare data set: %s', (name) => {
    const transferSyntaxUid = TRANSFER_SYNTAX[name];
    const result = scan(writeDataSet({ elements: instance.elements(), transferSyntaxUid }), {}, 3);
    expect(result.transferSyntaxUid).toBe(transferSyntaxUid);
    expect(result.warnings).toContain('no file meta information');
  });

  it('will not guess the syntax of compressed pixel data', () => {
    const elements = aStudy({ ...TINY, transferSyntaxUid: TRANSFER_SYNTAX.jpegBaseline }).instances[0]!.elements();
    expect(codeOf(() => scan(writeDataSet({ elements })))).toBe('dicom.unknown-transfer-syntax');
  });

  it('takes meta information without preamble', () => {
    const bytes = writeDicom({ elements: withIdentity(), preamble: false });
    expect(scan(bytes, {}, 1)).toMatchObject({ hasPreamble: false, dataSetOffset: dataSetOffset(bytes) });
  });

  it('gives one digest of elements for every uncompressed encoding', () => {
    const elements = withIdentity(
      element('00080005', 'CS', 'ISO_IR 100'),
      element('00090010', 'LO', 'ACME'),
      element('00091001', 'OB', Uint8Array.of(1, 2)),
      element('00280103', 'US', 1),
      element('00280106', 'SS', -5),
      element('00189073', 'FD', 1.5),
      sequence('00081140', [[element('00081155', 'UI', '1.2'), element('00091002', 'LO', 'x')]]),
    );
    const digests = ['implicitLittleEndian', 'explicitLittleEndian', 'explicitBigEndian', 'deflated'].map(
      (name) => scan(writeDicom({ elements, transferSyntaxUid: TRANSFER_SYNTAX[name as 'deflated'] })).sha256Elements,
    );
    expect(new Set(digests).size).toBe(1);
    const withGroupLengths = scan(writeDicom({ elements, groupLengths: 'right' }));
    expect(withGroupLengths.sha256Elements).toBe(digests[0]);
    expect(withGroupLengths.header['00080000']).toBeUndefined();
    const other = elements.map((each) => (each.tag === '00280106' ? { ...each, value: -6 } : each));
    expect(scan(writeDicom({ elements: other })).sha256Elements).not.toBe(digests[0]);
  });

  it('leaves values over 1 KiB as spans, at any depth', () => {
    const long = 'x'.repeat(1025);
    const elements = withIdentity(
      element('00091010', 'UN', Buffer.alloc(2000, 1)),
      element('00204000', 'LT', 'x'.repeat(1024)),
      sequence('00400275', [[], [element('00400007', 'LO', 'short'), element('00400280', 'UT', long)]], { undefinedLength: true }),
    );
    const bytes = writeDicom({ elements });
    const { header, bulk } = scan(bytes, {}, 11);
    expect(header['00204000']?.Value).toHaveLength(1);
    expect(header['00091010']).toEqual({ vr: 'UN', BulkDataURI: 'bulkdata/00091010' });
    expect(Object.keys(bulk).sort()).toEqual(['00091010', '00400275/1/00400280']);
    const [offset, length] = bulk['00400275/1/00400280']!;
    expect(bytes.toString('latin1', offset, offset + length).trimEnd()).toBe(long);
  });

  it('gives offsets of deflated data sets into the inflated stream', () => {
    const elements = withIdentity(element('00091010', 'UN', Buffer.alloc(5000, 7)), element('00100020', 'LO', 'P'));
    const deflated = writeDicom({ elements, transferSyntaxUid: TRANSFER_SYNTAX.deflated });
    const plain = writeDicom({ elements });
    const result = scan(deflated, {}, 13);
    const [offset, length] = result.bulk['00091010']!;
    const start = dataSetOffset(plain) + offset - result.dataSetOffset;
    expect(plain.subarray(start, start + length)).toEqual(Buffer.alloc(5000, 7));
  });

  it('sorts elements that are out of order and keeps the first of two', () => {
    const elements = [
      ...withIdentity(element('00100020', 'LO', 'first')),
      element('00100020', 'LO', 'second'),
      element('00080060', 'CS', 'OT'),
    ];
    const result = scan(writeDicom({ elements }));
    expect(Object.keys(result.header)).toEqual(Object.keys(result.header).sort());
    expect(result.header['00100020']?.Value).toEqual(['first']);
    expect(result.warnings).toEqual(['an element occurs twice', 'elements are not in order']);
  });

  it('reads on over odd lengths, trailing padding and zeros', () => {
    const elements = withIdentity(element('00100020', 'LO', 'odd', { unpadded: true }), element('FFFCFFFC', 'OB', Buffer.alloc(6)));
    for (const zeros of [1, 8, 500]) {
      const result = scan(writeDicom({ elements, trailing: Buffer.alloc(zeros) }), {}, 9);
      expect(result.header['00100020']?.Value).toEqual(['odd']);
      expect(result.warnings).toEqual(['odd value length', 'trailing padding']);
    }
  });

  it('is not at a loss for a private transfer syntax', () => {
    const result = scan(writeDicom({ elements: withIdentity(), transferSyntaxUid: '1.2.3.99' }));
    expect(result.transferSyntaxUid).toBe('1.2.3.99');
    expect(result.warnings).toEqual(['unknown transfer syntax']);
  });

  it('believes the first element when the transfer syntax says the wrong coding', () => {
    const elements = withIdentity(element('00100020', 'LO', 'P'));
    const implicit = scan(
      writeDicom({ elements, transferSyntaxUid: TRANSFER_SYNTAX.explicitLittleEndian, encoding: { explicit: false, bigEndian: false } }),
    );
    const explicit = scan(
      writeDicom({ elements, transferSyntaxUid: TRANSFER_SYNTAX.implicitLittleEndian, encoding: { explicit: true, bigEndian: false } }),
    );
    expect(implicit.header).toEqual(explicit.header);
    expect(implicit.warnings).toEqual(['the data set is not coded as its transfer syntax says']);
  });
});

describe('values of VR UN', () => {
  const items = [[element('00080100', 'SH', 'code'), element('00091001', 'UN', Uint8Array.of(1, 2, 3, 4))]];
  const implicit = { explicit: false, bigEndian: false };
  const inside = writeDataSet({ elements: [sequence('00091010', items)], encoding: implicit }).subarray(8);

  it.each([false, true])('are entered when they hold a sequence, undefined length: %s', (undefinedLength) => {
    const spec = undefinedLength
      ? element('00091010', 'UN', Buffer.concat([inside, Buffer.from('feffdde000000000', 'hex')]), { claimedLength: 0xffffffff })
      : element('00091010', 'UN', inside);
    const { header } = scan(writeDicom({ elements: withIdentity(spec) }), {}, 5);
    expect(header['00091010']).toEqual({
      vr: 'SQ',
      Value: [{ '00080100': { vr: 'SH', Value: ['code'] }, '00091001': { vr: 'UN', InlineBinary: 'AQIDBA==' } }],
    });
  });

  it('are entered when a large one holds a sequence, and left opaque when it only starts like one', () => {
    const large = writeDataSet({
      elements: [
        sequence(
          '00091010',
          Array.from({ length: 100 }, () => items[0]!),
        ),
      ],
      encoding: implicit,
    }).subarray(8);
    const broken = Buffer.concat([large, Buffer.alloc(50, 0x41)]);
    const elements = withIdentity(element('00091010', 'UN', large), element('00091011', 'UN', broken), element('00100020', 'LO', 'after'));
    const { header, bulk } = scan(writeDicom({ elements }), {}, 17);
    expect(header['00091010']?.Value).toHaveLength(100);
    expect(header['00091011']).toEqual({ vr: 'UN', BulkDataURI: 'bulkdata/00091011' });
    expect(bulk['00091011']?.[1]).toBe(broken.length);
    expect(header['00100020']?.Value).toEqual(['after']);
  });

  it('of standard attributes are read by the dictionary', () => {
    const elements = withIdentity(element('00100020', 'UN', Buffer.from('P1')), element('00280010', 'UN', Uint8Array.of(4, 1)));
    for (const transferSyntaxUid of [TRANSFER_SYNTAX.explicitLittleEndian, TRANSFER_SYNTAX.explicitBigEndian]) {
      const { header } = scan(writeDicom({ elements, transferSyntaxUid }));
      expect(header['00100020']).toEqual({ vr: 'LO', Value: ['P1'] });
      expect(header['00280010']).toEqual({ vr: 'US', Value: [260] });
    }
  });
});

describe('limits of the header', () => {
  const long = sequence(
    '00400275',
    Array.from({ length: 50 }, (_, index) => [element('00400007', 'LO', `item ${index}`)]),
    {
      undefinedLength: true,
    },
  );
  const elements = withIdentity(
    sequence('00081140', [[element('00081155', 'UI', '1.2')]]),
    long,
    element('00500004', 'CS', 'NO'),
    sequence('00400555', [[element('0040A043', 'SQ')]]),
  );

  it('leave a sequence that crosses them as a span, and the rest is described', () => {
    const bytes = writeDicom({ elements });
    for (const limits of [{ elements: 60 }, { headerBytes: 1000 }]) {
      const result = scan(bytes, { limits }, 10);
      expect(result.header['00400275']).toEqual({ vr: 'SQ', BulkDataURI: 'bulkdata/00400275' });
      const [offset, length] = result.bulk['00400275']!;
      expect(bytes.subarray(offset, offset + length)).toEqual(writeDataSet({ elements: [long] }).subarray(12, -8));
      expect(result.header['00500004']?.Value).toEqual(['NO']);
      expect(result.header['00081140']?.Value).toHaveLength(1);
      expect(result.warnings).toEqual(['a sequence is too large to be described']);
    }
  });

  it('refuse what is too much outside of any sequence', () => {
    expect(codeOf(() => scan(writeDicom({ elements }), { limits: { elements: 3 } }))).toBe('dicom.limit-exceeded');
  });
});
