import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TINY, TRANSFER_SYNTAX, aStudy } from '@cairn/testing';
import type { PhantomStudy } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { PynetdicomPeer, describeWithPeer } from '../harness/peers.ts';
import type { ProposedContext } from '../harness/peers.ts';
import { eventually, qidoAll, stow, textOf } from '../harness/web.ts';

const DESTINATION = 'PYSCP';
const CT_CLASS = '1.2.840.10008.5.1.4.1.1.2';
const MANY = 1500;

describeWithPeer('pynetdicom', 'pynetdicom', () => {
  let archive: Archive;
  let peer: PynetdicomPeer;
  const many = aStudy({ ...TINY, rows: 2, columns: 2, seed: 1301, instances: MANY });

  beforeAll(async () => {
    peer = new PynetdicomPeer();
    // The destination takes one uncompressed syntax only.
    const { port } = await peer.listen(DESTINATION, [[CT_CLASS, [TRANSFER_SYNTAX.implicitLittleEndian]]]);
    archive = await startArchive({ env: { CAIRN_DICOM_PEERS: `${DESTINATION}=127.0.0.1:${port},NOBODY=127.0.0.1:1` } });
    for (let at = 0; at < MANY; at += 300)
      await stow(
        archive,
        many.instances.slice(at, at + 300).map((instance) => instance.bytes()),
      );
    await eventually(
      () => qidoAll(archive, `/studies/${many.studyInstanceUid}/instances`),
      (found) => found.length === MANY,
    );
  }, 120_000);

  afterAll(async () => {
    await peer?.close();
    await archive?.dispose();
  });

  /** Stores a one-instance study in a transfer syntax. */
  async function stored(seed: number, transferSyntaxUid: string): Promise<PhantomStudy> {
    const study = aStudy({ ...TINY, seed, transferSyntaxUid });
    await stow(archive, [study.instances[0]!.bytes()]);
    await eventually(
      () => qidoAll(archive, `/studies/${study.studyInstanceUid}/instances`),
      (found) => found.length === 1,
    );
    return study;
  }

  it('echoes', async () => {
    expect(await peer.echo(archive)).toEqual({ status: 0 });
  });

  it.each([
    ['Explicit Big Endian', 1310, TRANSFER_SYNTAX.explicitBigEndian],
    ['deflated', 1311, TRANSFER_SYNTAX.deflated],
    ['Explicit Little Endian', 1312, TRANSFER_SYNTAX.explicitLittleEndian],
  ])('%s is re-encoded for a C-MOVE destination that takes only Implicit Little Endian', async (_name, seed, transferSyntaxUid) => {
    const study = await stored(seed, transferSyntaxUid);
    const end = await peer.move(archive, 'STUDY', { '0020000D': study.studyInstanceUid }, DESTINATION);
    expect(end).toMatchObject({ status: { status: 0 }, completed: 1, failed: 0, warning: 0 });
    expect(await peer.received()).toMatchObject([
      {
        sopInstanceUid: study.instances[0]!.sopInstanceUid,
        transferSyntaxUid: TRANSFER_SYNTAX.implicitLittleEndian,
        originator: 'PYNETDICOM',
      },
    ]);
  });

  it('a compressed instance is a failed sub-operation for a peer that takes only uncompressed ones', async () => {
    const study = await stored(1313, TRANSFER_SYNTAX.jpegBaseline);
    const uid = study.instances[0]!.sopInstanceUid;
    const keys = { '0020000D': study.studyInstanceUid };
    const moved = await peer.move(archive, 'STUDY', keys, DESTINATION);
    expect(moved).toMatchObject({ failed: 1, completed: 0, failedUids: [uid] });
    expect([0xa702, 0xb000]).toContain(moved.status.status);
    const contexts: ProposedContext[] = [[CT_CLASS, [TRANSFER_SYNTAX.implicitLittleEndian]]];
    expect(await peer.get(archive, 'STUDY', keys, contexts)).toMatchObject({ failed: 1, completed: 0, failedUids: [uid], received: [] });
    const taken: ProposedContext[] = [[CT_CLASS, [TRANSFER_SYNTAX.jpegBaseline]]];
    expect(await peer.get(archive, 'STUDY', keys, taken)).toMatchObject({ status: { status: 0 }, completed: 1, failed: 0 });
  });

  it('C-MOVE and C-GET of something unknown end with success and no sub-operation', async () => {
    const keys = { '0020000D': '2.25.404' };
    expect(await peer.move(archive, 'STUDY', keys, DESTINATION)).toMatchObject({ status: { status: 0 }, completed: 0, failed: 0 });
    expect(await peer.get(archive, 'STUDY', keys, [[CT_CLASS, [TRANSFER_SYNTAX.explicitLittleEndian]]])).toMatchObject({
      status: { status: 0 },
      received: [],
    });
  });

  it('case 15: an unknown C-MOVE destination is A801, one that does not answer fails its sub-operations', async () => {
    const keys = {
      '0020000D': many.studyInstanceUid,
      '0020000E': many.seriesInstanceUids[0],
      '00080018': many.instances.slice(0, 3).map((each) => each.sopInstanceUid),
    };
    expect((await peer.move(archive, 'IMAGE', keys, 'NOWHERE')).status.status).toBe(0xa801);
    const end = await peer.move(archive, 'IMAGE', keys, 'NOBODY');
    expect(end.status.status).not.toBe(0);
    expect(end.completed ?? 0).toBe(0);
  });

  it('C-GET of a list of UIDs brings exactly those', async () => {
    const wanted = many.instances.slice(10, 15).map((each) => each.sopInstanceUid);
    const keys = { '0020000D': many.studyInstanceUid, '0020000E': many.seriesInstanceUids[0], '00080018': wanted };
    const { received, status } = await peer.get(archive, 'IMAGE', keys, [[CT_CLASS, [TRANSFER_SYNTAX.explicitLittleEndian]]]);
    expect(status.status).toBe(0);
    expect(received.map((each) => each.sopInstanceUid).sort()).toEqual(wanted.sort());
  });

  it('case 18: a query for everything is answered to its end', async () => {
    const keys = { '0020000D': many.studyInstanceUid, '0020000E': many.seriesInstanceUids[0], '00080018': '' };
    const { status, matches } = await peer.find(archive, 'IMAGE', keys);
    expect({ status: status.status, matches: matches.length }).toEqual({ status: 0, matches: MANY });
  });

  it.each([
    ['a pattern that explodes', '(a+)+$'],
    ['a regular expression', '.*'],
    ['an operator', '$where'],
    ['LIKE wildcards', '%_%'],
    ['SQL', "'; DROP TABLE studies; --"],
    ['a character class', '[A-Z]*'],
    ['60,000 characters', 'x'.repeat(60_000)],
  ])('case 19: %s as a key matches only itself', async (_name, value) => {
    const { status, matches } = await peer.find(archive, 'STUDY', { '00100010': value, '00081030': '', '0020000D': '' });
    expect(status.status).not.toBeNull();
    expect(matches).toEqual([]);
  });

  it('case 20: C-CANCEL ends a query with FE00 before its end', async () => {
    const keys = { '0020000D': many.studyInstanceUid, '0020000E': many.seriesInstanceUids[0], '00080018': '' };
    const { status, matches } = await peer.find(archive, 'IMAGE', keys, { cancelAfter: 1 });
    expect(status.status).toBe(0xfe00);
    expect(matches.length).toBeLessThan(MANY);
  });

  it('a hierarchical query without the key of its upper level is A900', async () => {
    const { status } = await peer.find(archive, 'SERIES', { '0020000E': '' });
    expect(status.status).toBe(0xa900);
  });

  it('patient level counts studies, series and instances', async () => {
    const { matches } = await peer.find(
      archive,
      'PATIENT',
      { '00100020': many.patientId, '00201200': '', '00201202': '', '00201204': '' },
      { model: 'patient' },
    );
    expect(matches.map((match) => ['00201200', '00201202', '00201204'].map((tag) => textOf(match, tag)))).toEqual([
      ['1', '1', String(MANY)],
    ]);
  });
});
