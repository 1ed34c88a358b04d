import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  chooseBytes,
  negotiateBulkData,
  negotiateDataSets,
  negotiateFrames,
  negotiateInstances,
  negotiateStoreAnswer,
  parseAccept,
  parseMediaType,
  parseQueryString,
  valuesOf,
} from '../src/index.ts';
import type { StoredBytes } from '../src/index.ts';

const J2K: StoredBytes = { mediaType: 'image/jp2', transferSyntaxUid: '1.2.840.10008.1.2.4.90' };
const JLS: StoredBytes = { mediaType: 'image/jls', transferSyntaxUid: '1.2.840.10008.1.2.4.80' };
const RAW: StoredBytes = { mediaType: 'application/octet-stream', transferSyntaxUid: '1.2.840.10008.1.2.1' };
const PDF: StoredBytes = { mediaType: 'application/pdf', transferSyntaxUid: '1.2.840.10008.1.2.1' };
const XML = 'multipart/related; type="application/dicom+xml"';
const BROWSER = 'text/html, image/gif, image/jpeg, */*; q=.2, */*; q=.2';
const OCTETS_AS_STORED = 'multipart/related; type=application/octet-stream; transfer-syntax=*';

describe('Accept of QIDO-RS and metadata', () => {
  it.each([
    ['OHIF 3.13', 'application/dicom+json', 'application/dicom+json'],
    ['OHIF of 2022 to 2024', 'application/dicom+json, multipart/related; type=application/octet-stream', 'application/dicom+json'],
    ['the same with a transfer syntax', `application/dicom+json, ${OCTETS_AS_STORED}`, 'application/dicom+json'],
    ['IDC client', 'application/dicom+json, application/json', 'application/dicom+json'],
    ['JSON only', 'application/json', 'application/json'],
    ['a browser', BROWSER, 'application/dicom+json'],
    ['an unknown entry', 'toto, application/dicom+json', 'application/dicom+json'],
    ['nothing', undefined, 'application/dicom+json'],
    ['a blank header', ' ', 'application/dicom+json'],
    ['anything', '*/*', 'application/dicom+json'],
    ['XML', XML, XML],
    ['XML, odd case and blanks', 'Multipart/Related;   TYPE =  "Application/DICOM+XML"  ', XML],
    ['XML preferred by quality', `application/dicom+json; q=0.3, ${XML}; q=.9`, XML],
    ['JSON refused by quality 0', `application/dicom+json; q=0, ${XML}`, XML],
  ])('%s', (_client, header, expected) => {
    expect(negotiateDataSets(parseAccept(header))).toBe(expected);
  });

  it.each([
    ['toto'],
    ['text/html'],
    ['multipart/related'],
    ['multipart/related; type="application/octet-stream"'],
    ['application/dicom+json;q=0'],
  ])('gives 406 for %s', (header) => {
    expect(() => negotiateDataSets(parseAccept(header))).toThrow(expect.objectContaining({ code: 'web.not-acceptable' }));
  });
});

describe('Accept of frames', () => {
  it.each([
    ['OHIF, unquoted', OCTETS_AS_STORED, J2K, 'application/octet-stream'],
    ['OHIF, quoted', 'multipart/related; type="application/octet-stream"; transfer-syntax="*"', J2K, 'application/octet-stream'],
    [
      'OHIF acceptHeader, no blank after the comma',
      'multipart/related; type=image/jls; q=1,multipart/related; type=application/octet-stream; q=0.1',
      JLS,
      'image/jls',
    ],
    [
      'the same for another source',
      'multipart/related; type=image/jls; q=1,multipart/related; type=application/octet-stream; q=0.1',
      J2K,
      'application/octet-stream',
    ],
    [
      'OHIF requestTransferSyntaxUID: two syntaxes in one entry',
      'multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.201; transfer-syntax=*',
      J2K,
      'application/octet-stream',
    ],
    ['dcmjs, no type', 'multipart/related; type="application/octet-stream"', RAW, 'application/octet-stream'],
    ['dcmjs, a legacy name', 'multipart/related; type="image/x-jls", multipart/related; type="image/jls"', JLS, 'image/jls'],
    ['dcmjs, all images', 'multipart/related; type="image/*"', J2K, 'image/jp2'],
    ['IDC client', 'multipart/related; type="*/*"', J2K, 'image/jp2'],
    ['IDC client, uncompressed', 'multipart/related; type="*/*"', RAW, 'application/octet-stream'],
    ['Orthanc test: blanks', 'multipart/related;   type =  "application/octet-stream"  ', RAW, 'application/octet-stream'],
    ['nothing', undefined, RAW, 'application/octet-stream'],
  ])('%s', (_client, header, stored, mediaType) => {
    expect(chooseBytes(negotiateFrames(parseAccept(header), true), stored)).toEqual({ multipart: true, mediaType });
  });

  it.each([
    ['image/x-dicom-rle', 'image/dicom-rle', '1.2.840.10008.1.2.5'],
    ['image/jhc', 'image/jphc', '1.2.840.10008.1.2.4.201'],
    ['image/dicom+jpeg', 'image/jpeg', '1.2.840.10008.1.2.4.50'],
    ['image/jpg', 'image/jpeg', '1.2.840.10008.1.2.4.70'],
    ['image/jpx', 'image/jpx', '1.2.840.10008.1.2.4.92'],
    ['video/mpeg2', 'video/mpeg', '1.2.840.10008.1.2.4.100'],
    ['video/H265', 'video/H265', '1.2.840.10008.1.2.4.107'],
  ])('takes %s and answers %s', (asked, mediaType, transferSyntaxUid) => {
    const choices = negotiateFrames(parseAccept(`multipart/related; type="${asked}"`), true);
    expect(chooseBytes(choices, { mediaType, transferSyntaxUid })).toEqual({ multipart: true, mediaType });
  });

  it('gives one frame alone where asked', () => {
    const choices = negotiateFrames(parseAccept('application/octet-stream; transfer-syntax=*'), true);
    expect(chooseBytes(choices, J2K)).toEqual({ multipart: false, mediaType: 'application/octet-stream' });
  });

  it('gives several frames only as parts', () => {
    expect(() => negotiateFrames(parseAccept('application/octet-stream'), false)).toThrow(
      expect.objectContaining({ code: 'web.not-acceptable' }),
    );
  });

  it.each([
    ['another compression', 'multipart/related; type=image/jls', J2K],
    ['a syntax that is not stored', 'multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50', J2K],
    ['an unknown syntax', 'multipart/related; type=application/octet-stream; transfer-syntax=9.9', RAW],
    ['text', 'text/html', RAW],
  ])('gives 406 for %s', (_what, header, stored) => {
    expect(() => chooseBytes(negotiateFrames(parseAccept(header), true), stored)).toThrow(
      expect.objectContaining({ code: 'web.not-acceptable' }),
    );
  });
});

describe('Accept of bulk data', () => {
  it.each([
    ['OHIF', 'multipart/related; type="application/octet-stream"', RAW, true, 'application/octet-stream'],
    [
      'OHIF, PDF',
      'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"',
      PDF,
      true,
      'application/pdf',
    ],
    ['IDC client', 'multipart/related; type="*/*"', PDF, true, 'application/pdf'],
    ['a media element', '*/*', PDF, false, 'application/pdf'],
    ['its own type', 'application/pdf', PDF, false, 'application/pdf'],
    ['bytes', 'application/octet-stream', PDF, false, 'application/octet-stream'],
    ['nothing', undefined, RAW, false, 'application/octet-stream'],
  ])('%s', (_client, header, stored, multipart, mediaType) => {
    expect(chooseBytes(negotiateBulkData(parseAccept(header)), stored)).toEqual({ multipart, mediaType });
  });
});

describe('Accept of studies, series and instances', () => {
  it.each([
    ['dcmjs', 'multipart/related; type="application/dicom"', true, []],
    ['Weasis, no blanks', 'multipart/related;type="application/dicom";transfer-syntax=*', true, ['*']],
    ['Google adapter', 'application/dicom; transfer-syntax=*', false, ['*']],
    ['nothing', undefined, true, []],
    ['OHIF WADO-RS root', '*/*', true, []],
    ['upper case', 'MULTIPART/RELATED; TYPE="APPLICATION/DICOM"; TRANSFER-SYNTAX=1.2.840.10008.1.2.1', true, ['1.2.840.10008.1.2.1']],
  ])('%s', (_client, header, multipart, transferSyntaxes) => {
    expect(negotiateInstances(parseAccept(header), true)[0]).toEqual({ multipart, transferSyntaxes });
  });

  it('gives a single part only for one instance', () => {
    expect(() => negotiateInstances(parseAccept('application/dicom'), false)).toThrow(
      expect.objectContaining({ code: 'web.not-acceptable' }),
    );
  });
});

describe('Accept of STOW-RS', () => {
  it.each([
    ['OHIF', '*/*', 'application/dicom+json'],
    ['dcm4che stowrs', 'application/dicom+xml', 'application/dicom+xml'],
    ['Weasis', 'application/dicom+xml', 'application/dicom+xml'],
    ['nothing', undefined, 'application/dicom+json'],
  ])('%s', (_client, header, expected) => {
    expect(negotiateStoreAnswer(parseAccept(header))).toBe(expected);
  });
});

describe('the query parameter accept', () => {
  it.each([
    ['encoded', 'accept=multipart%2Frelated%3B%20type%3D%22application%2Fdicom%2Bxml%22'],
    ['raw, as dcm4che wadors appends it', 'accept=multipart/related;type=application/dicom+xml'],
  ])('wins over the header: %s', (_form, query) => {
    const accept = parseAccept('image/jpeg', valuesOf(parseQueryString(query), 'accept'));
    expect(negotiateDataSets(accept)).toBe(XML);
  });

  it('is decoded for OHIF thumbnails', () => {
    const accept = parseAccept(
      'multipart/related; type="application/octet-stream"',
      valuesOf(parseQueryString('accept=image%2Fjpeg'), 'accept'),
    );
    expect(accept.map(({ type }) => type)).toEqual(['image/jpeg']);
  });
});

describe('any Accept header', () => {
  it('is read or refused with 406, and most wanted comes first', () => {
    const piece = fc.constantFrom(
      'multipart/related',
      'type=',
      '"',
      'application/dicom',
      '*/*',
      ';',
      ',',
      '=',
      'q=',
      '.2',
      '\\',
      ' ',
      'transfer-syntax=',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 15 }), (pieces) => {
        const accept = parseAccept(pieces.join(''));
        const qualities = accept.map(({ quality }) => quality);
        expect(qualities).toEqual(qualities.toSorted((left, right) => right - left));
        for (const negotiate of [negotiateDataSets, negotiateStoreAnswer, negotiateBulkData]) {
          try {
            negotiate(accept);
          } catch (error) {
            expect(error).toHaveProperty('code', 'web.not-acceptable');
          }
        }
      }),
      { numRuns: 500, seed: 4 },
    );
  });

  it('with 100,000 entries is read in part', () => {
    expect(parseAccept('a/b,'.repeat(100_000)).length).toBeLessThan(100);
  });
});

describe('a media type', () => {
  it('may hold separators in quotes, an escape and a trailing semicolon', () => {
    const parsed = parseMediaType('multipart/related; type="application/dicom"; boundary="a;b\\"c";');
    expect(parsed?.parameters.get('boundary')).toEqual(['a;b"c']);
  });

  it.each([['text'], ['a/b/c'], ['/x'], ['a b/c'], ['']])('is not %j', (text) => {
    expect(parseMediaType(text)).toBeUndefined();
  });
});
