import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CairnError } from '@cairn/core';
import { parseAttributePath, parseQidoQuery, parseQueryString } from '../src/index.ts';
import type { QidoQuery } from '../src/index.ts';

const read = (query: string): QidoQuery => parseQidoQuery(parseQueryString(query));
const thrown = (query: string): unknown => {
  try {
    return read(query);
  } catch (error) {
    return error;
  }
};

describe('a QIDO-RS query', () => {
  it('reads OHIF’s work list', () => {
    const query = read(
      'limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030&PatientName=*x*&00100020=*x*&AccessionNumber=*x*&StudyDescription=*x*&ModalitiesInStudy=CT&StudyDate=19700102-20250101',
    );
    expect(query).toMatchObject({
      limit: 101,
      offset: 0,
      fuzzy: true,
      include: ['00081030', '00080060', '00080090', '00100030'],
      warnings: [],
    });
    expect(query.keys).toEqual([
      { name: 'PatientName', path: ['00100010'], vr: 'PN', value: '*x*' },
      { name: '00100020', path: ['00100020'], vr: 'LO', value: '*x*' },
      { name: 'AccessionNumber', path: ['00080050'], vr: 'SH', value: '*x*' },
      { name: 'StudyDescription', path: ['00081030'], vr: 'LO', value: '*x*' },
      { name: 'ModalitiesInStudy', path: ['00080061'], vr: 'CS', value: 'CT' },
      { name: 'StudyDate', path: ['00080020'], vr: 'DA', value: '19700102-20250101' },
    ]);
  });

  it.each([
    ['several UIDs by backslash (OHIF)', 'StudyInstanceUID=1.2%5C1.3', '1.2\\1.3'],
    ['several UIDs by comma', 'StudyInstanceUID=1.2,1.3', '1.2,1.3'],
    ['keyword in another case', 'patientNAME=x', 'x'],
    ['tag in lower case', '0020000d=1.2', '1.2'],
    ['a blank as plus (Python)', 'PatientName=a+b', 'a b'],
    ['UTF-8', 'PatientName=%E5%B1%B1%E7%94%B0', '山田'],
    ['an empty value', 'PatientID=', ''],
    ['no value at all', 'PatientID', ''],
    ['an equals sign in the value', 'PatientID=a=b', 'a=b'],
  ])('takes %s', (_form, text, value) => {
    expect(read(text).keys[0]?.value).toBe(value);
  });

  it('takes dotted paths by keyword, tag and both', () => {
    for (const name of ['RequestAttributesSequence.ScheduledProcedureStepID', '00400275.00400009', 'requestattributessequence.00400009']) {
      expect(read(`${name}=SPS1`).keys).toEqual([{ name, path: ['00400275', '00400009'], vr: 'SH', value: 'SPS1' }]);
    }
  });

  it('takes private attributes by tag', () => {
    expect(read('00090010=CREATOR&00091001=x').keys.map(({ path }) => path)).toEqual([['00090010'], ['00091001']]);
  });

  it('adds up includefields; all wins', () => {
    expect(read('includefield=PatientID&includefield=00081030,StudyID,').include).toEqual(['00100020', '00081030', '00200010']);
    expect(read('includefield=PatientID&includefield=All&includefield=StudyID').include).toBe('all');
  });

  it.each(['includefield=NoSuchThing', 'includefield=PatientID,nonsense', 'includefield=99980010'])('refuses %s and names it', (text) => {
    expect(thrown(text)).toMatchObject({ code: 'query.unknown-attribute', details: { attribute: text.split(/[=,]/).at(-1) } });
  });

  it('takes option names in any case', () => {
    expect(read('LIMIT=5&FuzzyMatching=TRUE&emptyValueMatching=true&multiplevaluematching=false')).toMatchObject({
      limit: 5,
      fuzzy: true,
      emptyValueMatching: true,
      multipleValueMatching: false,
    });
  });

  it.each(['PatientNam=x', '00100011=x', 'Foo.PatientID=1', 'PatientID.foo=1', 'OverlayData=x'])(
    'refuses %s: a dropped filter would show other patients',
    (text) => {
      expect(thrown(text)).toMatchObject({ code: 'query.unknown-attribute', details: { attribute: text.split('=')[0] } });
    },
  );

  it.each(['_=1', 'orderby=x', 'access_token=x', '__proto__=x', 'constructor=x', 'toString=x'])('ignores %s with a warning', (text) => {
    expect(read(text)).toMatchObject({ keys: [], warnings: [expect.stringContaining(text.split('=')[0]!)] });
  });

  it.each([
    'PatientName[$ne]=',
    'PatientName[$regex]=.*',
    'PatientName%5B%24ne%5D=',
    'PatientName[]=a',
    'PatientID[a][b]=1',
    '$nor=x',
    '$where=1',
    '=x',
  ])('case 52: refuses %s', (text) => {
    expect(thrown(text)).toMatchObject({ code: 'web.bad-request' });
  });

  it('case 52: passes operators in values on as text', () => {
    expect(read('PatientName=%7B%22%24ne%22%3A1%7D').keys[0]?.value).toBe('{"$ne":1}');
  });

  it('case 52: refuses one attribute given twice', () => {
    expect(thrown('PatientID=1&00100020=2')).toMatchObject({ code: 'web.bad-request' });
  });

  it.each([
    'limit=0',
    'limit=-1',
    'limit=abc',
    'limit=1e12',
    'limit=1.5',
    'limit=',
    'offset=-1',
    'offset=x',
    'cursor=a%20b',
    'cursor=abc&offset=3',
  ])('case 53: refuses %s', (text) => {
    expect(thrown(text)).toMatchObject({ code: 'query.invalid-paging' });
  });

  it('case 53: takes a huge limit as a number to clamp', () => {
    expect(read('limit=999999999999999').limit).toBe(999_999_999_999_999);
  });

  it.each(['fuzzymatching=1', 'fuzzymatching=', 'emptyvaluematching=x', 'limit=1&limit=2'])('refuses %s', (text) => {
    expect(thrown(text)).toMatchObject({ code: expect.stringMatching(/^web\.bad-request$/) });
  });

  it.each(['PatientName=%zz', 'PatientName=%E5%B1', 'PatientName=%', 'Patient%zzName=x', 'PatientID=%00', '%00=1'])(
    'refuses malformed escapes, broken UTF-8 and NUL: %s',
    (text) => {
      expect(thrown(text)).toMatchObject({ code: 'web.bad-request' });
    },
  );

  it('refuses more parameters than any client sends', () => {
    expect(thrown('PatientID=1&'.repeat(501))).toMatchObject({ code: 'web.bad-request' });
  });

  it('either reads a query or refuses it with one of our errors', () => {
    const piece = fc.constantFrom(
      'PatientName',
      '00100020',
      'limit',
      'offset',
      'includefield',
      '=',
      '&',
      '%',
      '%25',
      ',',
      '.',
      '[',
      'all',
      '1',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 }), (pieces) => {
        const outcome = thrown(pieces.join(''));
        expect(CairnError.is(outcome) || typeof (outcome as QidoQuery).offset === 'number').toBe(true);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });
});

describe('an attribute path', () => {
  it('is bounded in depth', () => {
    expect(parseAttributePath('00400275.'.repeat(20) + '00400009').kind).toBe('unknown-attribute');
  });
});
