import { describe, expect, it } from '@jest/globals';
import dcmjs from 'dcmjs';
import { SOP_CLASSES, TRANSFER_SYNTAXES, findAttribute, isTag, isUid, vrOf } from '@cairn/dicom';

describe('dictionary', () => {
  it.each([
    ['PatientName', { tag: '00100010', keyword: 'PatientName', vr: 'PN', vm: '1' }],
    ['patientname', { tag: '00100010' }],
    ['0020000d', { tag: '0020000D', keyword: 'StudyInstanceUID', vr: 'UI' }],
    ['60023000', { tag: '60023000', keyword: 'OverlayData', vr: 'OB or OW' }],
    ['OverlayRows', { tag: '60xx0010' }],
    ['50040005', { keyword: 'CurveDimensions' }],
    ['00203102', { tag: '00203102', keyword: 'SourceImageIDs' }],
    ['00280106', { vr: 'US or SS' }],
    ['00283006', { vr: 'US or OW' }],
    ['FFFCFFFC', { keyword: 'DataSetTrailingPadding' }],
  ])('finds %s', (key, expected) => {
    expect(findAttribute(key)).toMatchObject(expected);
  });

  it.each(['NoSuchKeyword', '00091010', '60030010', '7FE10010', '', '__proto__', 'constructor', '0010'])('does not find %j', (key) => {
    expect(findAttribute(key)).toBeUndefined();
  });

  it.each([
    ['00100010', 'PN'],
    ['00090010', 'LO'],
    ['00091010', 'UN'],
    ['00100000', 'UL'],
    ['00089999', 'UN'],
    ['7FE00010', 'OB or OW'],
  ])('VR of %s is %s', (tag, vr) => {
    expect(vrOf(tag)).toBe(vr);
  });

  it('tells tags and UIDs', () => {
    expect(['0020000d', '0020000D'].every(isTag)).toBe(true);
    expect(['0020000', '0020000G', '(0020,000D)', ''].some(isTag)).toBe(false);
    expect(['1.2.840.10008.1.2', '2.25.0', '0'].every(isUid)).toBe(true);
    expect(['', '1.', '.1', '1..2', '1.02', '1.a', ' 1.2', `1.${'2'.repeat(63)}`].some(isUid)).toBe(false);
  });
});

describe('transfer syntaxes and SOP classes', () => {
  it.each([
    ['1.2.840.10008.1.2', { explicit: false, encapsulated: false, mediaType: 'application/octet-stream' }],
    ['1.2.840.10008.1.2.2', { explicit: true, bigEndian: true }],
    ['1.2.840.10008.1.2.1.99', { deflated: true }],
    ['1.2.840.10008.1.2.4.50', { encapsulated: true, lossy: true, mediaType: 'image/jpeg' }],
    ['1.2.840.10008.1.2.4.70', { lossy: false }],
    ['1.2.840.10008.1.2.4.102.1', { video: true, mediaType: 'video/mp4' }],
    ['1.2.840.10008.1.2.4.108', { video: true }],
    ['1.2.840.10008.1.2.4.112', { mediaType: 'image/jxl', lossy: true }],
    ['1.2.840.10008.1.2.4.202', { mediaType: 'image/jphc', lossy: false }],
    ['1.2.840.10008.1.2.8.1', { encapsulated: true }],
    ['1.2.840.10008.1.2.7.1', {}],
  ])('%s', (uid, expected) => {
    expect(TRANSFER_SYNTAXES.get(uid)).toMatchObject({ uid, ...expected });
  });

  it('hold every SOP class that dcmjs names, and tell storage from services', () => {
    const known: Readonly<Record<string, string>> = dcmjs.data.DicomMetaDictionary.sopClassNamesByUID;
    expect(Object.keys(known).filter((uid) => !SOP_CLASSES.has(uid))).toEqual([]);
    expect(SOP_CLASSES.get('1.2.840.10008.5.1.4.1.1.2')).toMatchObject({ name: 'CT Image Storage', isStorage: true });
    expect(SOP_CLASSES.get('1.2.840.10008.1.1')?.isStorage).toBe(false);
    expect(SOP_CLASSES.get('1.2.840.10008.1.3.10')?.isStorage).toBe(false);
    expect(SOP_CLASSES.get('1.2.840.10008.1.20.1')?.isStorage).toBe(false);
  });
});
