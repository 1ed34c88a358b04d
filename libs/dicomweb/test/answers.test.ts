import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '@cairn/core';
import type { ErrorCode } from '@cairn/core';
import { httpStatusOf, storeAnswer, stowReasonOf, toNativeXml } from '../src/index.ts';

const STORED = { studyInstanceUid: '1.2', seriesInstanceUid: '1.3', sopInstanceUid: '1.4', sopClassUid: '1.5' };
const FAILED = { sopClassUid: '1.5', sopInstanceUid: '1.6', reason: 0xc000 };

describe('the answer to STOW-RS', () => {
  it('is 200 without a failed sequence when all were stored', () => {
    expect(storeAnswer('http://h/dicom-web', [STORED], [])).toEqual({
      status: 200,
      body: {
        '00081190': { vr: 'UR', Value: ['http://h/dicom-web/studies/1.2'] },
        '00081199': {
          vr: 'SQ',
          Value: [
            {
              '00081150': { vr: 'UI', Value: ['1.5'] },
              '00081155': { vr: 'UI', Value: ['1.4'] },
              '00081190': { vr: 'UR', Value: ['http://h/dicom-web/studies/1.2/series/1.3/instances/1.4'] },
            },
          ],
        },
      },
    });
  });

  it('is 202 when some failed, 409 when none was stored', () => {
    const some = storeAnswer('http://h', [STORED], [FAILED]);
    expect(some.status).toBe(202);
    expect(some.body['00081198']?.Value).toEqual([
      { '00081150': { vr: 'UI', Value: ['1.5'] }, '00081155': { vr: 'UI', Value: ['1.6'] }, '00081197': { vr: 'US', Value: [0xc000] } },
    ]);
    const none = storeAnswer('http://h', [], [{ reason: 0xc000 }]);
    expect(none.status).toBe(409);
    expect(Object.keys(none.body)).toEqual(['00081198']);
  });

  it('names no study when the instances are of several', () => {
    expect(storeAnswer('http://h', [STORED, { ...STORED, studyInstanceUid: '1.9' }], []).body['00081190']).toBeUndefined();
  });
});

describe('the error table', () => {
  it('never blames a client’s damage on the server', () => {
    const codes = Object.keys(ERROR_CODES) as ErrorCode[];
    for (const code of codes) {
      const status = httpStatusOf(code);
      if (/^(dicom|query|web)\./.test(code)) expect([code, status >= 400 && status < 500]).toEqual([code, true]);
      expect(stowReasonOf(code)).toBeGreaterThan(0);
    }
  });
});

describe('the Native DICOM Model', () => {
  it('writes values, names, sequences, bulk data and private creators', () => {
    const xml = toNativeXml({
      '00080060': { vr: 'CS', Value: ['CT'] },
      '00080061': { vr: 'CS', Value: ['CT', null] },
      '00090010': { vr: 'LO', Value: ['ACME "1"'] },
      '00091001': { vr: 'OB', InlineBinary: 'AAE=' },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }] },
      '00100020': { vr: 'LO' },
      '00280010': { vr: 'US', Value: [512] },
      '00400275': { vr: 'SQ', Value: [{ '00400009': { vr: 'SH', Value: ['S<1>'] } }, {}] },
      '7FE00010': { vr: 'OW', BulkDataURI: 'http://h/a?b&c' },
    });
    expect(xml).toBe(
      `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">` +
        `<DicomAttribute tag="00080060" vr="CS" keyword="Modality"><Value number="1">CT</Value></DicomAttribute>` +
        `<DicomAttribute tag="00080061" vr="CS" keyword="ModalitiesInStudy"><Value number="1">CT</Value><Value number="2"/></DicomAttribute>` +
        `<DicomAttribute tag="00090010" vr="LO"><Value number="1">ACME &quot;1&quot;</Value></DicomAttribute>` +
        `<DicomAttribute tag="00091001" vr="OB" privateCreator="ACME &quot;1&quot;"><InlineBinary>AAE=</InlineBinary></DicomAttribute>` +
        `<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1">` +
        `<Alphabetic><FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName></Alphabetic>` +
        `<Ideographic><FamilyName>山田</FamilyName><GivenName>太郎</GivenName></Ideographic></PersonName></DicomAttribute>` +
        `<DicomAttribute tag="00100020" vr="LO" keyword="PatientID"></DicomAttribute>` +
        `<DicomAttribute tag="00280010" vr="US" keyword="Rows"><Value number="1">512</Value></DicomAttribute>` +
        `<DicomAttribute tag="00400275" vr="SQ" keyword="RequestAttributesSequence"><Item number="1">` +
        `<DicomAttribute tag="00400009" vr="SH" keyword="ScheduledProcedureStepID"><Value number="1">S&lt;1&gt;</Value></DicomAttribute>` +
        `</Item><Item number="2"></Item></DicomAttribute>` +
        `<DicomAttribute tag="7FE00010" vr="OW" keyword="PixelData"><BulkData uri="http://h/a?b&amp;c"/></DicomAttribute></NativeDicomModel>\n`,
    );
  });

  it('stays well-formed for characters that XML cannot carry', () => {
    expect(toNativeXml({ '00081030': { vr: 'LO', Value: ['a\u0000\u001b\ud800]]>\u0085\r\n'] } })).toContain(
      'a\u{FFFD}\u{FFFD}\u{FFFD}]]&gt;\u0085&#13;&#10;<',
    );
  });
});
