import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemScope } from '@cairn/core';
import type { Scope } from '@cairn/core';
import { JOB_CASES } from './contract-jobs.ts';
import { QUERY_CASES } from './contract-queries.ts';
import { aReceipt, collect, json, ulidOf } from './contract-receipts.ts';
import type { IndexDocument, InstanceSelector, JournalFact, MetadataStore, MetadataStoreSupports } from './metadata-store.ts';

export { aReceipt, collect, json, ulidOf } from './contract-receipts.ts';
export type { ReceiptSpec } from './contract-receipts.ts';

/** A store under test and how to get rid of it. */
export interface StoreUnderTest {
  store: MetadataStore;
  destroy: () => Promise<void>;
}

const one = systemScope('one');
const two = systemScope('two');
const JPEG_LS = '1.2.840.10008.1.2.4.80';

/**
 * What every {@link MetadataStore} must do. `create` gives a new, empty store. In every case a second tenant holds instances
 * with the same UIDs, which must come out as they were.
 */
export function describeMetadataStoreContract(
  adapter: string,
  create: () => Promise<StoreUnderTest>,
  supports: MetadataStoreSupports,
): void {
  describe(`${adapter} as a MetadataStore`, () => {
    let store: MetadataStore;
    let destroy: () => Promise<void>;
    let untouched: readonly IndexDocument[];

    beforeAll(async () => {
      ({ store, destroy } = await create());
    });

    beforeEach(async () => {
      await store.clear(one);
      await store.clear(two);
      await store.recordReceipts(
        two,
        [1, 2, 3].map((number) => aReceipt(number, { attributes: { '00100020': json('LO', 'OTHER TENANT') } })),
      );
      await store.setMark(two, 'watermark', 'two');
      untouched = await documentsOf(store, two);
    });

    afterEach(async () => {
      expect(await documentsOf(store, two)).toEqual(untouched);
      expect(await store.getMark(two, 'watermark')).toBe('two');
    });

    afterAll(async () => {
      await store.close();
      await destroy();
    });

    it('tells what it supports', () => {
      expect(store.supports).toEqual(supports);
    });

    describeReceipts(() => store);
    describeConflicts(() => store);
    describeFacts(() => store);
    describeReads(() => store);
    describeUpkeep(() => store);
    for (const { name, run } of [...JOB_CASES, ...QUERY_CASES]) it(name, () => run(store, one));
  });
}

function describeReceipts(store: () => MetadataStore): void {
  const outcomesOf = async (...receipts: Parameters<MetadataStore['recordReceipts']>[1]): Promise<string[]> =>
    (await store().recordReceipts(one, receipts)).map(({ outcome }) => outcome);

  it('tells what each receipt did', async () => {
    const sop = '9.1';
    expect(await outcomesOf(aReceipt(1, { sop }), aReceipt(2))).toEqual(['new', 'new']);
    expect(await outcomesOf(aReceipt(1, { sop }))).toEqual(['redelivered']);
    expect(await outcomesOf(aReceipt(3, { sop }))).toEqual(['duplicate']);
    expect(await outcomesOf(aReceipt(4, { sop, transferSyntaxUid: JPEG_LS }))).toEqual(['same-elements']);
    expect(await outcomesOf(aReceipt(5, { sop, content: 'changed' }))).toEqual(['new-version']);
  });

  it('tells the same within one batch', async () => {
    const sop = '9.1';
    const receipts = [aReceipt(1, { sop }), aReceipt(1, { sop }), aReceipt(3, { sop }), aReceipt(5, { sop, content: 'changed' })];
    expect(await outcomesOf(...receipts)).toEqual(['new', 'redelivered', 'duplicate', 'new-version']);
  });

  it('counts versions of study and instance up with every change, not with a redelivery', async () => {
    const [first, again, other] = await store().recordReceipts(one, [aReceipt(1), aReceipt(1), aReceipt(2)]);
    expect([first!.studyVersion, again!.studyVersion, other!.studyVersion]).toEqual([1, 1, 2]);
    expect([first!.instanceVersion, again!.instanceVersion, other!.instanceVersion]).toEqual([1, 1, 1]);
    const [duplicate] = await store().recordReceipts(one, [aReceipt(3, { sop: '1.2.1.1.1' })]);
    expect(duplicate).toMatchObject({ outcome: 'duplicate', studyVersion: 3, instanceVersion: 2 });
  });

  it('places a version by its smallest receipt and makes the last placed the current one', async () => {
    const sop = '9.1';
    await store().recordReceipts(one, [aReceipt(5, { sop, content: 'b' }), aReceipt(7, { sop, content: 'a' })]);
    expect(await currentOf(store(), sop)).toBe(ulidOf(7));
    await store().recordReceipts(one, [aReceipt(3, { sop, content: 'a' })]);
    const document = await store().instance(one, selector(sop));
    expect(document?.versions.map(({ ulid }) => ulid)).toEqual([ulidOf(3), ulidOf(5)]);
    expect(document?.versions[0]?.receipts.map(({ ulid }) => ulid)).toEqual([ulidOf(3), ulidOf(7)]);
    expect(document?.versions[0]?.location.key).toContain(ulidOf(3));
  });

  it('takes the attributes of study and series from the instance with the smallest current version', async () => {
    const described = (text: string) => ({ attributes: { '00081030': json('LO', text), '0008103E': json('LO', text) } });
    await store().recordReceipts(one, [aReceipt(5, described('five')), aReceipt(7, described('seven'))]);
    expect(await descriptions(store())).toEqual(['five', 'five']);
    await store().recordReceipts(one, [aReceipt(3, described('three'))]);
    expect(await descriptions(store())).toEqual(['three', 'three']);
    // Its newer version takes the representative out of first place.
    await store().recordReceipts(one, [aReceipt(9, { sop: '1.2.1.1.3', content: 'new', ...described('nine') })]);
    expect(await descriptions(store())).toEqual(['five', 'five']);
  });

  it('makes a patient of each study without Patient ID and keeps issuers apart (case 115)', async () => {
    const id = (value?: string, issuer?: string) => ({
      '00100020': value === undefined ? undefined : json('LO', value),
      ...(issuer !== undefined && { '00100021': json('LO', issuer) }),
    });
    await store().recordReceipts(one, [
      aReceipt(1, { study: '1.1', attributes: id('P', 'A') }),
      aReceipt(2, { study: '1.2', attributes: id('P', 'B') }),
      aReceipt(3, { study: '1.3', attributes: id('P'), defaultIssuer: 'B' }),
      aReceipt(4, { study: '1.4', attributes: id('P') }),
      aReceipt(5, { study: '1.5', attributes: id() }),
      aReceipt(6, { study: '1.6', attributes: id() }),
    ]);
    const patients = (await documentsOf(store(), one)).flatMap((entry) => (entry.collection === 'patients' ? [entry.document] : []));
    const counts = Object.fromEntries(patients.map(({ patientKey, numberOfStudies }) => [patientKey, numberOfStudies]));
    expect(counts).toEqual({ 'A|P': 1, 'B|P': 2, '|P': 1, 'study|1.5': 1, 'study|1.6': 1 });
  });

  it('moves a study to another patient with all its counts', async () => {
    await store().recordReceipts(one, [aReceipt(5), aReceipt(6)]);
    await store().recordReceipts(one, [aReceipt(1, { attributes: { '00100020': json('LO', 'P2') } })]);
    const patients = (await documentsOf(store(), one)).filter(({ collection }) => collection === 'patients');
    expect(patients.map(({ document }) => document)).toEqual([
      expect.objectContaining({ patientKey: '|P2', numberOfStudies: 1, numberOfSeries: 1, numberOfInstances: 3 }),
    ]);
  });

  it('takes nothing of a batch that fails', async () => {
    const broken = { ...aReceipt(2), header: '{' };
    await expect(store().recordReceipts(one, [aReceipt(1), broken])).rejects.toMatchObject({ code: 'internal.unexpected' });
    expect(await documentsOf(store(), one)).toEqual([]);
    expect(await outcomesOf(aReceipt(1))).toEqual(['new']);
  });

  it('takes concurrent batches with the same instances', async () => {
    const receipts = Array.from({ length: 20 }, (_, index) => aReceipt(index + 1));
    await Promise.all([receipts, receipts.toReversed(), receipts].map((batch) => store().recordReceipts(one, batch)));
    expect(await store().study(one, '1.2.1')).toMatchObject({ numberOfInstances: 20, numberOfSeries: 1, sizeBytes: 20_000 });
  });
}

function describeConflicts(store: () => MetadataStore): void {
  const conflictsOf = async (...receipts: Parameters<MetadataStore['recordReceipts']>[1]): Promise<string[]> =>
    (await store().recordReceipts(one, receipts)).flatMap(({ conflicts }) => conflicts.map(({ kind }) => kind));

  it.each([
    ['name', { '00100010': json('PN', { Alphabetic: 'Roe^Jane' }) }],
    ['birth date', { '00100030': json('DA', '19710101') }],
    ['sex', { '00100040': json('CS', 'M') }],
  ])('stores and flags another %s under one identifier', async (_, attributes) => {
    expect(await conflictsOf(aReceipt(1, { study: '1.1' }))).toEqual([]);
    expect(await conflictsOf(aReceipt(2, { study: '1.2', attributes }))).toEqual(['patient-identity']);
    expect(await conflictsOf(aReceipt(3, { study: '1.2', attributes }))).toEqual([]);
    expect(await store().conflicts(one)).toMatchObject([{ studyInstanceUid: '1.2', receipts: [ulidOf(1), ulidOf(2)] }]);
    expect(await store().study(one, '1.2')).toBeDefined();
  });

  it('does not flag case, diacritics and trailing delimiters of a name', async () => {
    const named = (text: string) => ({ '00100010': json('PN', { Alphabetic: text }) });
    const receipts = [aReceipt(1, { attributes: named('Müller^Jörg') }), aReceipt(2, { attributes: named('MULLER^JORG^^') })];
    expect(await conflictsOf(...receipts)).toEqual([]);
  });

  it('flags one study under two patients', async () => {
    expect(await conflictsOf(aReceipt(1), aReceipt(2, { attributes: { '00100020': json('LO', 'P2') } }))).toEqual(['patient-identity']);
  });

  it('stores and flags one SOP Instance UID in two series, and one series UID in two studies (case 101)', async () => {
    const sop = '9.1';
    expect(await conflictsOf(aReceipt(1, { sop }), aReceipt(2, { sop, series: '1.2.1.2' }))).toEqual(['instance-elsewhere']);
    expect(await conflictsOf(aReceipt(3, { study: '1.2.9', series: '1.2.1.2' }))).toEqual(['instance-elsewhere']);
    expect(await store().instance(one, selector(sop))).toBeDefined();
    expect(await store().instance(one, { ...selector(sop), seriesInstanceUid: '1.2.1.2' })).toBeDefined();
  });

  it('flags other content under a known UID, not another encoding of it', async () => {
    const sop = '9.1';
    expect(await conflictsOf(aReceipt(1, { sop }), aReceipt(2, { sop, transferSyntaxUid: JPEG_LS }))).toEqual([]);
    expect(await conflictsOf(aReceipt(3, { sop, content: 'changed' }))).toEqual(['content']);
    expect(await conflictsOf(aReceipt(4, { sop, content: 'changed' }))).toEqual([]);
  });

  it('pages the list and leaves the resolved ones out', async () => {
    const renamed = (number: number) => aReceipt(number, { attributes: { '00100010': json('PN', { Alphabetic: `Roe^${number}` }) } });
    await store().recordReceipts(one, [aReceipt(1), renamed(2), renamed(3), renamed(4)]);
    const [first, second, third] = await store().conflicts(one);
    expect(await store().conflicts(one, { limit: 2 })).toEqual([first, second]);
    expect(await store().conflicts(one, { limit: 2, after: second!.id })).toEqual([third]);
    await store().applyFacts(one, [{ type: 'conflict-resolved', ulid: ulidOf(9), conflictId: second!.id, action: 'accepted' }]);
    expect(await store().conflicts(one)).toEqual([first, third]);
    const resolution = { ulid: ulidOf(9), action: 'accepted' };
    expect(await store().conflicts(one, { all: true })).toEqual([first, { ...second, resolution }, third]);
  });
}

function describeFacts(store: () => MetadataStore): void {
  const sop = '9.1';

  it('lists duplicates until they are collected', async () => {
    await store().recordReceipts(one, [aReceipt(1, { sop }), aReceipt(2, { sop }), aReceipt(3, { sop, content: 'changed' })]);
    const [duplicate, ...others] = await store().duplicates(one, 10);
    expect(others).toEqual([]);
    expect(duplicate).toMatchObject({ duplicate: { ulid: ulidOf(2) }, version: { ulid: ulidOf(1) }, instance: { sopInstanceUid: sop } });
    await store().applyFacts(one, [collectedFact(sop, 2)]);
    expect(await store().duplicates(one, 10)).toEqual([]);
    const document = await store().instance(one, selector(sop));
    expect(document?.versions[0]?.receipts).toEqual([
      expect.objectContaining({ ulid: ulidOf(1) }),
      { ulid: ulidOf(2), source: aReceipt(2).source },
    ]);
  });

  it('knows a collected receipt from its fact alone', async () => {
    await store().applyFacts(one, [collectedFact(sop, 2)]);
    expect(await store().knownReceipts(one, [ulidOf(1), ulidOf(2)])).toEqual(new Set([ulidOf(2)]));
    const [first, collected] = await store().recordReceipts(one, [aReceipt(1, { sop }), aReceipt(2, { sop })]);
    expect([first!.outcome, collected!.outcome]).toEqual(['new', 'redelivered']);
    expect(await store().duplicates(one, 10)).toEqual([]);
  });

  it('makes a version the current one by hand, until a later one comes', async () => {
    await store().recordReceipts(one, [aReceipt(1, { sop }), aReceipt(2, { sop, content: 'changed' })]);
    const { sha256DataSet, transferSyntaxUid } = aReceipt(1, { sop });
    const fact: JournalFact = { type: 'version-preferred', ulid: ulidOf(5), instance: selector(sop), sha256DataSet, transferSyntaxUid };
    await store().applyFacts(one, [fact]);
    await store().applyFacts(one, [fact]);
    expect(await currentOf(store(), sop)).toBe(ulidOf(1));
    expect((await store().instance(one, selector(sop)))?.versions.at(-1)).toMatchObject({ preferred: ulidOf(5) });
    await store().recordReceipts(one, [aReceipt(9, { sop, content: 'newest' })]);
    expect(await currentOf(store(), sop)).toBe(ulidOf(9));
  });
}

function describeReads(store: () => MetadataStore): void {
  it('gives instances in the order of series number, instance number and UID, with the texts asked for', async () => {
    const numbered = (series: number | undefined, instance: number | undefined) => ({
      '00200011': series === undefined ? undefined : json('IS', series),
      '00200013': instance === undefined ? undefined : json('IS', instance),
    });
    await store().recordReceipts(one, [
      aReceipt(1, { sop: '9.1', series: '1.9', attributes: numbered(undefined, 1) }),
      aReceipt(2, { sop: '9.2', series: '1.8', attributes: numbered(2, 10) }),
      aReceipt(3, { sop: '9.3', series: '1.8', attributes: numbered(2, 9) }),
      aReceipt(4, { sop: '9.5', series: '1.8', attributes: numbered(2, undefined) }),
      aReceipt(5, { sop: '9.4', series: '1.8', attributes: numbered(2, undefined) }),
      aReceipt(6, { sop: '9.6', series: '1.7', attributes: numbered(10, 1) }),
    ]);
    const all = await collect(store().instances(one, { studyInstanceUid: '1.2.1' }, { bulk: true }));
    expect(all.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['9.3', '9.2', '9.4', '9.5', '9.6', '9.1']);
    expect(all[0]).toMatchObject({ bulk: aReceipt(3).bulk, version: { ulid: ulidOf(3) } });
    expect(all[0]).not.toHaveProperty('header');
    expect(all[0]).not.toHaveProperty('pixels');
  });

  it('reads all pages of a series, and stops when the reader does', async () => {
    const big = { '00091010': json('LT', 'x'.repeat(40_000)) };
    for (let batch = 0; batch < 3; batch++) {
      await store().recordReceipts(
        one,
        Array.from({ length: 20 }, (_, index) => aReceipt(batch * 20 + index + 1, { attributes: big })),
      );
    }
    const selected = { studyInstanceUid: '1.2.1', seriesInstanceUid: '1.2.1.1' };
    const all = await collect(store().instances(one, selected, { header: true }));
    expect(all.map(({ version }) => version.ulid)).toEqual(Array.from({ length: 60 }, (_, index) => ulidOf(index + 1)));
    for await (const first of store().instances(one, selected, { header: true })) {
      expect(first.header).toBe(aReceipt(1, { attributes: big }).header);
      break;
    }
  });

  it('gives the texts of the current version', async () => {
    const sop = '9.1';
    await store().recordReceipts(one, [aReceipt(1, { sop }), aReceipt(2, { sop, content: 'changed' }), aReceipt(3, { sop })]);
    const [instance] = await collect(store().instances(one, selector(sop), { header: true, bulk: true }));
    expect(instance).toMatchObject({ header: aReceipt(2, { sop }).header, bulk: aReceipt(2).bulk });
  });

  it('gives nothing for what it does not hold', async () => {
    await store().recordReceipts(one, [aReceipt(1)]);
    for (const unknown of [{ studyInstanceUid: '0' }, { ...selector('0') }, { ...selector('1.2.1.1.1'), seriesInstanceUid: '0' }]) {
      expect(await collect(store().instances(one, unknown, {}))).toEqual([]);
    }
    expect(await store().instance(one, selector('0'))).toBeUndefined();
    expect(await store().study(one, '0')).toBeUndefined();
    expect(await store().series(one, '1.2.1', '0')).toBeUndefined();
    expect(await store().getMark(one, 'none')).toBeUndefined();
    expect(await store().study(systemScope('three'), '1.2.1')).toBeUndefined();
  });

  it('rejects with the reason of an aborted signal', async () => {
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(collect(store().instances(one, { studyInstanceUid: '1.2.1' }, {}, signal))).rejects.toThrow('gone');
  });

  it('shows nothing to a scope confined to labels, because no study has one yet', async () => {
    await store().recordReceipts(one, [aReceipt(1)]);
    const confined: Scope = { ...one, labels: ['radiology'] };
    expect(await store().study(confined, '1.2.1')).toBeUndefined();
    expect(await collect(store().instances(confined, { studyInstanceUid: '1.2.1' }, {}))).toEqual([]);
  });
}

function describeUpkeep(store: () => MetadataStore): void {
  it('keeps marks by tenant and name', async () => {
    await store().setMark(one, 'watermark', '2024010110');
    await store().setMark(one, 'watermark', '2024010111');
    expect(await store().getMark(one, 'watermark')).toBe('2024010111');
    expect(await store().getMark(one, 'other')).toBeUndefined();
  });

  it('names the tenants that have studies', async () => {
    await store().setMark(systemScope('empty'), 'watermark', '1');
    expect(await store().tenants(one)).toEqual(['two']);
    await store().recordReceipts(one, [aReceipt(1)]);
    expect(await store().tenants(one)).toEqual(['one', 'two']);
  });

  it('exports documents by collection and key', async () => {
    await store().recordReceipts(one, [aReceipt(3, { study: '1.3' }), aReceipt(2, { study: '1.2' }), aReceipt(1, { study: '1.3' })]);
    const documents = await documentsOf(store(), one);
    expect(documents.map(({ collection }) => collection)).toEqual([
      'patients',
      ...rep('studies', 2),
      ...rep('series', 2),
      ...rep('instances', 3),
    ]);
    const instances = documents.flatMap((entry) => (entry.collection === 'instances' ? [entry.document.sopInstanceUid] : []));
    expect(instances).toEqual(['1.2.1.2', '1.3.1.1', '1.3.1.3']);
  });

  it('clears one tenant and starts it anew', async () => {
    await store().recordReceipts(one, [aReceipt(1)]);
    await store().setMark(one, 'watermark', '1');
    const before = await documentsOf(store(), one);
    await store().clear(one);
    await store().clear(systemScope('never-seen'));
    expect(await documentsOf(store(), one)).toEqual([]);
    expect(await store().getMark(one, 'watermark')).toBeUndefined();
    expect(await store().recordReceipts(one, [aReceipt(1)])).toMatchObject([{ outcome: 'new', studyVersion: 1 }]);
    expect(await documentsOf(store(), one)).toEqual(before);
  });

  it('answers a check', async () => {
    await expect(store().check(one)).resolves.toBeUndefined();
  });
}

function collectedFact(sop: string, number: number): JournalFact {
  const { ulid, source, sha256DataSet, transferSyntaxUid } = aReceipt(number, { sop });
  return {
    type: 'duplicate-collected',
    ulid: ulidOf(number + 50),
    instance: selector(sop),
    sha256DataSet,
    transferSyntaxUid,
    receipt: ulid,
    source,
  };
}

function selector(sopInstanceUid: string): Required<InstanceSelector> {
  return { studyInstanceUid: '1.2.1', seriesInstanceUid: '1.2.1.1', sopInstanceUid };
}

async function currentOf(store: MetadataStore, sop: string): Promise<string | undefined> {
  const [instance] = await collect(store.instances(one, selector(sop), {}));
  return instance?.version.ulid;
}

async function descriptions(store: MetadataStore): Promise<unknown[]> {
  const study = await store.study(one, '1.2.1');
  const series = await store.series(one, '1.2.1', '1.2.1.1');
  return [study?.attributes['00081030']?.Value?.[0], series?.attributes['0008103E']?.Value?.[0]];
}

async function documentsOf(store: MetadataStore, scope: Scope): Promise<readonly IndexDocument[]> {
  return await collect(store.exportDocuments(scope));
}

function rep(text: string, times: number): string[] {
  return Array.from({ length: times }, () => text);
}
