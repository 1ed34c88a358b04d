import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DicomJson } from '@cairn/core';
import { corpus } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { PynetdicomPeer, describeWithPeer, hasPeer } from '../harness/peers.ts';
import { eventually, qidoAll, stow, textOf } from '../harness/web.ts';
import { studiesOf, studyFacts } from './corpus-model.ts';
import { rejection } from './rejection.ts';
import { MOVE_DESTINATION, acceptedFiles, peerFile, providerContexts, readIdentity, stateOf, storeAndFetch } from './corpus-run.ts';
import type { AcceptedFile, CorpusOutcome } from './corpus-run.ts';

const files = corpus();
const UID = /^[\d.]+$/;
const STUDY_KEYS = {
  '0020000D': '',
  '00100020': '',
  '00100010': '',
  '00080020': '',
  '00080050': '',
  '00080061': '',
  '00201206': '',
  '00201208': '',
};

(files ? describe : describe.skip)('the corpus of real files', () => {
  let archive: Archive;
  let peer: PynetdicomPeer | undefined;
  let accepted: AcceptedFile[];
  let outcome: CorpusOutcome;

  beforeAll(async () => {
    accepted = await acceptedFiles(files!);
    const peers: Record<string, string> = {};
    if (hasPeer('pynetdicom')) {
      peer = new PynetdicomPeer();
      const { port } = await peer.listen(MOVE_DESTINATION, providerContexts(accepted));
      peers['CAIRN_DICOM_PEERS'] = `${MOVE_DESTINATION}=127.0.0.1:${port}`;
    }
    archive = await startArchive({ env: peers });
    outcome = await storeAndFetch(archive, accepted, peer);
  }, 300_000);

  afterAll(async () => {
    await peer?.close();
    await archive?.dispose();
  });

  it('stores every file that must be accepted', () => {
    expect(outcome.store).toEqual([]);
    expect(outcome.stored.stow).toBeGreaterThan(200);
  });

  it('gives every data set back unchanged by WADO-RS', () => {
    expect(outcome.wado).toEqual([]);
  });

  it('answers QIDO-RS as the manifest says', async () => {
    const model = studiesOf(outcome.arrived);
    const answers = await eventually(
      () => qidoAll(archive, '/studies?includefield=all'),
      (found) => found.length >= model.length,
    );
    expect(studyFacts(answers)).toEqual(model);
    const instances = await qidoAll(archive, '/instances');
    expect(instances).toHaveLength(model.reduce((sum, study) => sum + Number(study.numberOfInstances), 0));
  });

  it('finds the studies of every modality and of every patient', async () => {
    const model = studiesOf(outcome.arrived);
    for (const modality of new Set(accepted.map((file) => file.modality).filter(Boolean))) {
      const found = studyFacts(await qidoAll(archive, `/studies?ModalitiesInStudy=${modality}&includefield=all`));
      expect({ modality, found }).toEqual({ modality, found: model.filter((study) => study.modalities.split('\\').includes(modality)) });
    }
    for (const patientId of new Set(accepted.map((file) => file.patientId).filter((id) => /^[\w.-]+$/.test(id)))) {
      const found = studyFacts(await qidoAll(archive, `/studies?PatientID=${patientId}&includefield=all`));
      expect({ patientId, found }).toEqual({ patientId, found: model.filter((study) => study.patientId === patientId) });
    }
  });

  it('refuses each file that must be rejected, in words, and keeps nothing of it', async () => {
    for (const file of files!.filter((each) => each.expected === 'reject')) {
      const answer = await stow(archive, [await readFile(file.absolutePath)]);
      const told = { file: file.path, status: answer.status, stored: answer.stored, reasons: [...answer.failed.values()] };
      expect(told).toEqual({ file: file.path, status: 409, stored: [], reasons: [rejection(file).stowReason] });
      const known = accepted.some((each) => each.sopInstanceUid === file.sopInstanceUid);
      if (!known && UID.test(file.sopInstanceUid))
        expect({ file: file.path, ...(await stateOf(archive, file)) }).toMatchObject({ file: file.path, found: 0 });
    }
  }, 60_000);

  it('stores or refuses each doubtful file, wholly', async () => {
    for (const file of files!.filter((each) => each.expected === 'either')) {
      const answer = await stow(archive, [await readFile(file.absolutePath)]);
      expect({ file: file.path, status: [200, 202, 409].includes(answer.status) ? 'ok' : answer.status }).toEqual({
        file: file.path,
        status: 'ok',
      });
      if (!UID.test(file.sopInstanceUid) || !file.studyInstanceUid) continue;
      const stored = answer.stored.length === 1;
      const state = await eventually(
        () => stateOf(archive, file),
        (each) => (stored ? each.found === 1 && each.unchanged : true),
      );
      const wanted = stored ? { found: 1, status: 200, unchanged: true } : { found: 0, status: 404, unchanged: false };
      expect({ file: file.path, ...state }).toEqual({ file: file.path, ...wanted });
    }
  }, 60_000);

  describeWithPeer('pynetdicom', 'and by DIMSE', () => {
    it('gives every data set back unchanged by C-GET', () => {
      expect(outcome.stored.cStore).toBeGreaterThan(200);
      expect(outcome.get).toEqual([]);
    });

    it('gives every data set back unchanged by C-MOVE', () => {
      expect(outcome.move).toEqual([]);
    });

    it('refuses by C-STORE what must be rejected, with its status', async () => {
      const rejected = files!.filter(
        (file) =>
          file.expected === 'reject' && file.transferSyntaxUid !== '' && UID.test(file.sopInstanceUid) && !/directory/.test(file.remark),
      );
      const answers = await peer!.store(archive, (await Promise.all(rejected.map(readIdentity))).map(peerFile));
      const told = answers.map(({ path, status }) => `${path} ${status?.toString(16)}`).sort();
      expect(told).toEqual(rejected.map((file) => `${file.absolutePath} ${rejection(file).status.toString(16)}`).sort());
    });

    it('answers C-FIND as QIDO-RS', async () => {
      const summary = (answers: readonly DicomJson[]): string[] =>
        answers
          .map((answer) =>
            ['0020000D', '00100020', '00100010', '00080020', '00080050', '00201206', '00201208']
              .map((tag) => textOf(answer, tag))
              .join('|'),
          )
          .sort();
      for (const [tag, value] of [
        ['00080061', 'CT'],
        ['00100010', 'a*'],
        ['00100010', '*e*'],
        ['00080020', '20000101-20101231'],
        ['00100020', '*1*'],
        ['0020000D', accepted[0]!.studyInstanceUid],
      ] as const) {
        const { matches } = await peer!.find(archive, 'STUDY', { ...STUDY_KEYS, [tag]: value });
        const answers = await qidoAll(archive, `/studies?${tag}=${encodeURIComponent(value)}&includefield=all`);
        expect({ tag, value, matches: summary(matches) }).toEqual({ tag, value, matches: summary(answers) });
      }
    });

    it('answers C-FIND as the manifest says', async () => {
      const known = new Set(accepted.map((file) => file.studyInstanceUid));
      const { status, matches } = await peer!.find(archive, 'STUDY', STUDY_KEYS);
      expect(status.status).toBe(0);
      expect(studyFacts(matches.filter((match) => known.has(textOf(match, '0020000D'))))).toEqual(studiesOf(outcome.arrived));
    });
  });
});
