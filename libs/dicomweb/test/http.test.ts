import { describe, expect, it } from '@jest/globals';
import { acceptsGzip, bulkDataPath, frameList, matchesEntityTag, parseRange, pathUid, warning299, weakEntityTag } from '../src/index.ts';

const CODE = (code: string) => expect.objectContaining({ code });

describe('a Range header', () => {
  it.each([
    ['bytes=0-99', { start: 0, end: 100 }],
    ['bytes=0-65535', { start: 0, end: 1000 }],
    ['bytes=999-', { start: 999, end: 1000 }],
    ['bytes=-10', { start: 990, end: 1000 }],
    ['bytes=-5000', { start: 0, end: 1000 }],
    ['BYTES= 5-5 ', { start: 5, end: 6 }],
    [undefined, undefined],
    ['bytes=', undefined],
    ['bytes=-', undefined],
    ['bytes=5-4', undefined],
    ['bytes=a-b', undefined],
    ['items=0-1', undefined],
    ['bytes=0-1,5-6', undefined],
  ])('%s', (header, expected) => {
    expect(parseRange(header, 1000)).toEqual(expected);
  });

  it.each(['bytes=1000-', 'bytes=1000-2000', 'bytes=-0'])('%s lies outside', (header) => {
    expect(() => parseRange(header, 1000)).toThrow(CODE('web.range-not-satisfiable'));
  });

  it('case 61: of 1,000 overlapping ranges is refused', () => {
    expect(() => parseRange(`bytes=${Array.from({ length: 1000 }, () => '0-').join(',')}`, 1000)).toThrow(
      CODE('web.range-not-satisfiable'),
    );
  });
});

describe('a UID in a path', () => {
  it.each(['1.2.840', '2.25.0', '1.02.3', '1'.repeat(64)])('may be %s', (uid) => {
    expect(pathUid('StudyInstanceUID', uid)).toBe(uid);
  });

  it.each(['..', '../x', '1.2/../3', '1.2\0', '%2e%2e', '1.2.', '.1', '1..2', 'a\\b', '\\', '\n'])('case 62: %j names nothing', (text) => {
    expect(() => pathUid('StudyInstanceUID', text)).toThrow(CODE('web.not-found'));
  });

  it.each(['abc', '1.2.a', '1'.repeat(65), '', '1 2'])('%j is malformed and named', (text) => {
    expect(() => pathUid('StudyInstanceUID', text)).toThrow(
      expect.objectContaining({ code: 'web.bad-request', details: { parameter: 'StudyInstanceUID' } }),
    );
  });
});

describe('a frame list', () => {
  it('keeps the order asked for', () => {
    expect(frameList('3,1,2')).toEqual([3, 1, 2]);
  });

  it.each(['', 'a', '1,', ',1', '-1', '1.5', '1;2'])('%j is malformed', (text) => {
    expect(() => frameList(text)).toThrow(CODE('web.bad-request'));
  });

  it('has no frame 0 and no end of frames', () => {
    expect(() => frameList('0')).toThrow(CODE('archive.frame-not-found'));
    expect(() => frameList('1,'.repeat(5000) + '1')).toThrow(CODE('web.payload-too-large'));
  });
});

describe('a bulk data path', () => {
  it('is tags and item numbers', () => {
    expect(bulkDataPath('00091010')).toBe('00091010');
    expect(bulkDataPath('52009230/0/0008912a')).toBe('52009230/0/0008912A');
  });

  it.each(['', '0009', '00091010/0', '../00091010', '00091010/x/00091010', '00091010/'])('%j names nothing', (text) => {
    expect(() => bulkDataPath(text)).toThrow(CODE('archive.bulk-data-not-found'));
  });
});

describe('an entity tag', () => {
  const tag = weakEntityTag(['a', 'b']);

  it('depends on its parts', () => {
    expect(weakEntityTag(['a', 'b'])).toBe(tag);
    expect(weakEntityTag(['a', 'c'])).not.toBe(tag);
    expect(tag).toMatch(/^W\/"[\w-]+"$/);
  });

  it('is matched weakly, in lists and by anything', () => {
    for (const header of [tag, tag.slice(2), `"x", ${tag}`, '*']) expect(matchesEntityTag(header, tag)).toBe(true);
    for (const header of [undefined, '', '"x"']) expect(matchesEntityTag(header, tag)).toBe(false);
  });
});

describe('gzip', () => {
  it.each([
    ['gzip, deflate, br, zstd', true],
    ['GZIP;q=0.5', true],
    ['*', true],
    ['*;q=0', false],
    ['gzip;q=0, *', false],
    ['br', false],
    ['', false],
    [undefined, false],
  ])('%s: %s', (header, expected) => {
    expect(acceptsGzip(header)).toBe(expected);
  });
});

describe('a Warning header', () => {
  it('case 51: cannot be broken out of', () => {
    expect(warning299('a"b\r\nSet-Cookie: x\\')).toBe('299 cairn "a?b??Set-Cookie: x?"');
  });
});
