import { describe, expect, it } from '@jest/globals';
import { dateNumber, dateTimeNumber, fold, foldName, timeNumber } from '@cairn/metadata-store';
import { json } from '@cairn/metadata-store/contract';
import fc from 'fast-check';
import { dayPlace, dayPlaceEnd, studyPlace } from '../src/place.ts';
import { ideographTokens } from '../src/search-fields.ts';
import { compileWildcard } from '../src/wildcard.ts';

describe('folding', () => {
  it.each([
    [' Müller ', 'muller'],
    ['STRASSE', 'strasse'],
    ['Straße', 'strasse'],
    ['Ångström', 'angstrom'],
    ['Łódź', 'lodz'],
    ['Søren', 'soren'],
    ['İstanbul ılık', 'istanbul ilik'],
    ['ΣΊΣΥΦΟΣ', 'σισυφοσ'],
    ['ＤＯＥ　ｱｲ', 'doe アイ'],
    ['Йод', 'иод'],
    ['が は', 'が は'],
    ['김희중', '김희중'],
    ['Nguyễn', 'nguyen'],
  ])('makes %s into %s', (text, folded) => {
    expect(fold(text)).toBe(folded);
  });

  it('is idempotent', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => expect(fold(fold(text))).toBe(fold(text))));
  });

  it('cuts empty components from the end of a name', () => {
    expect(foldName('Doe^Jane^^^ ')).toBe('doe^jane');
    expect(foldName('^^')).toBe('');
  });
});

describe('dates and times', () => {
  it.each([
    ['20240229', 20240229],
    ['2024.02.29', 20240229],
    [' 19991231 ', 19991231],
    ['20230229', undefined],
    ['20241301', undefined],
    ['2024', undefined],
    ['', undefined],
    ['2024-01-01', undefined],
  ])('reads the date %s', (text, number) => {
    expect(dateNumber(text)).toBe(number);
  });

  it.each([
    ['10', 100000],
    ['1015', 101500],
    ['101530.25', 101530.25],
    ['10:15:30', 101530],
    ['235960', 235960],
    ['24', undefined],
    ['1060', undefined],
    ['101', undefined],
    ['', undefined],
  ])('reads the time %s', (text, number) => {
    expect(timeNumber(text)).toBe(number);
  });

  it.each([
    ['2024', Date.UTC(2024, 0, 1)],
    ['20240301101500', Date.UTC(2024, 2, 1, 10, 15)],
    ['20240301101500.5+0100', Date.UTC(2024, 2, 1, 9, 15, 0, 500)],
    ['20240301101500-0530', Date.UTC(2024, 2, 1, 15, 45)],
    ['202413', undefined],
    ['20240230', undefined],
    ['text', undefined],
  ])('reads the date-time %s', (text, number) => {
    expect(dateTimeNumber(text)).toBe(number);
  });
});

describe('wildcards', () => {
  it.each([
    ['', '', true],
    ['*', '', true],
    ['?', '', false],
    ['a*c', 'abbc', true],
    ['a*c', 'abbcd', false],
    ['a?c', 'abc', true],
    ['*山?', '鈴山木', true],
    ['[a-c]', 'b', false],
    ['**a**', 'bab', true],
  ])('match %s against %s: %s', (pattern, text, matches) => {
    expect(compileWildcard(pattern)(text)).toBe(matches);
  });

  it('agree with a regular expression', () => {
    const characters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    fc.assert(
      fc.property(characters, texts, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(compileWildcard(pattern)(text)).toBe(expression.test(text));
      }),
    );
  });
});

describe('places', () => {
  const dates = fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10).replaceAll('-', ''));

  it('go from the newest day to the oldest, and stay exact numbers', () => {
    fc.assert(
      fc.property(dates, dates, fc.string(), fc.string(), (a, b, first, second) => {
        const [placeA, placeB] = [studyPlace({ '00080020': json('DA', a) }, first), studyPlace({ '00080020': json('DA', b) }, second)];
        if (a > b) expect(placeA).toBeLessThan(placeB);
        expect(placeA).toBeGreaterThanOrEqual(dayPlace(Number(a)));
        expect(placeA).toBeLessThan(dayPlaceEnd(Number(a)));
        expect(placeA).toBeLessThan(studyPlace({}, first));
        expect(Number.isSafeInteger(studyPlace({}, first, 2 ** 24))).toBe(true);
      }),
    );
  });

  it('stay within the day when others are taken', () => {
    const attributes = { '00080020': json('DA', '20240101') };
    const places = Array.from({ length: 100 }, (_, attempt) => studyPlace(attributes, '1.2.3', attempt));
    expect(new Set(places).size).toBe(100);
    for (const place of places) expect(place).toBeLessThan(dayPlaceEnd(20240101));
  });
});

describe('tokens of names', () => {
  it('are characters and pairs of ideographic ones only', () => {
    expect(ideographTokens('^yamada^tarou^=^山田^太郎^')).toEqual(['n:山', 'n:山田', 'n:田', 'n:太', 'n:太郎', 'n:郎']);
    expect(ideographTokens('doe')).toEqual([]);
  });
});
