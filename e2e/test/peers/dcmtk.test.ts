import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TINY, TRANSFER_SYNTAX, aStudy, makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { freePort, writeStudy } from '../harness/files.ts';
import { readPart10 } from '../harness/part10.ts';
import { dcmtk, describeWithPeer, peerPath } from '../harness/peers.ts';
import type { CommandResult } from '../harness/peers.ts';
import { eventually, get, qido, readParts } from '../harness/web.ts';

/** storescu's switch that proposes the syntax, by syntax. */
const SYNTAXES = [
  ['-x=', TRANSFER_SYNTAX.explicitLittleEndian],
  ['-xi', TRANSFER_SYNTAX.implicitLittleEndian],
  ['-xb', TRANSFER_SYNTAX.explicitBigEndian],
  ['-xd', TRANSFER_SYNTAX.deflated],
  ['-xr', TRANSFER_SYNTAX.rle],
  ['-xy', TRANSFER_SYNTAX.jpegBaseline],
  ['-xs', TRANSFER_SYNTAX.jpegLossless],
  ['-xt', TRANSFER_SYNTAX.jpegLsLossless],
  ['-xv', TRANSFER_SYNTAX.jpeg2000Lossless],
] as const;

describeWithPeer('dcmtk', 'DCMTK', () => {
  let folder: TempDir;
  let archive: Archive;
  let receiver: ChildProcess;
  const study = aStudy({ ...TINY, seed: 301, patientName: 'Dcmtk^Ünal', series: 2, instances: 5 });

  beforeAll(async () => {
    folder = await makeTempDir();
    const port = await freePort();
    await mkdir(join(folder.path, 'moved'));
    receiver = spawn(join(peerPath('dcmtk'), 'storescp'), [
      '-aet',
      'STORESCP',
      '+xa',
      '+B',
      '-od',
      join(folder.path, 'moved'),
      String(port),
    ]);
    archive = await startArchive({ env: { CAIRN_DICOM_PEERS: `STORESCP=127.0.0.1:${port}` } });
  }, 60_000);

  afterAll(async () => {
    receiver?.kill();
    await archive?.dispose();
    await folder?.remove();
  });

  function tool(name: string, ...args: string[]): Promise<CommandResult> {
    return dcmtk(name, ['-aec', archive.aeTitle, '127.0.0.1', String(archive.dicomPort), ...args]);
  }

  /** Name → digest of the data set, of all files of a folder. */
  async function digestsIn(path: string): Promise<string[]> {
    const names = await readdir(path);
    return (await Promise.all(names.map(async (name) => readPart10(await readFile(join(path, name))).sha256DataSet))).sort();
  }

  async function digestsByWeb(studyInstanceUid: string): Promise<string[]> {
    const answer = await get(archive, `/studies/${studyInstanceUid}`, 'multipart/related; type="application/dicom"; transfer-syntax=*');
    return answer.status === 200 ? (await readParts(answer)).map((part) => readPart10(part.body).sha256DataSet).sort() : [];
  }

  it('echoscu is answered, and turned away when it calls another AE title', async () => {
    expect(await tool('echoscu')).toMatchObject({ code: 0 });
    const wrong = await dcmtk('echoscu', ['-aec', 'NOBODY', '127.0.0.1', String(archive.dicomPort)]);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('Called AE Title Not Recognized');
  });

  it('storescu stores a study with its 128 proposed contexts', async () => {
    const path = join(folder.path, 'study');
    await mkdir(path);
    await writeStudy(path, study);
    expect(await tool('storescu', '+sd', path)).toMatchObject({ code: 0 });
    const digests = await eventually(
      () => digestsByWeb(study.studyInstanceUid),
      (found) => found.length === 10,
    );
    expect(digests).toEqual(await digestsIn(path));
  });

  it.each(SYNTAXES)('storescu %s stores %s as it is', async (option, transferSyntaxUid) => {
    const one = aStudy({
      ...TINY,
      seed: 310,
      studyInstanceUid: `2.25.310${transferSyntaxUid.length}${transferSyntaxUid.replaceAll('.', '').slice(-6)}`,
      transferSyntaxUid,
    });
    const path = join(folder.path, `syntax${option}`);
    await mkdir(path);
    const [file] = await writeStudy(path, one);
    expect(await tool('storescu', '-R', option, file!)).toMatchObject({ code: 0 });
    const [stored] = await eventually(
      async () => {
        const answer = await get(
          archive,
          `/studies/${one.studyInstanceUid}`,
          'multipart/related; type="application/dicom"; transfer-syntax=*',
        );
        return answer.status === 200 ? (await readParts(answer)).map((part) => readPart10(part.body)) : [];
      },
      (found) => found.length === 1,
    );
    // DCMTK deflates anew when it sends.
    if (transferSyntaxUid !== TRANSFER_SYNTAX.deflated) expect(stored!.sha256DataSet).toBe((await digestsIn(path))[0]);
    if (transferSyntaxUid !== TRANSFER_SYNTAX.explicitBigEndian) expect(stored!.transferSyntaxUid).toBe(transferSyntaxUid);
  });

  it('findscu finds by patient, study, series and image', async () => {
    const query = async (model: string, level: string, ...keys: string[]): Promise<number> => {
      const into = join(folder.path, `find-${level}-${keys.length}${model}`);
      await mkdir(into, { recursive: true });
      const args = [model, '-X', '-od', into, '-k', `QueryRetrieveLevel=${level}`, ...keys.flatMap((key) => ['-k', key])];
      const result = await tool('findscu', ...args);
      expect({ level, code: result.code, stderr: result.stderr }).toMatchObject({ level, code: 0 });
      return (await readdir(into)).length;
    };
    await eventually(
      () => qido(archive, `/studies/${study.studyInstanceUid}/instances`),
      (found) => found.length === 10,
    );
    expect(await query('-P', 'PATIENT', 'PatientID=P301', 'PatientName')).toBe(1);
    expect(await query('-S', 'STUDY', 'PatientName=dcmtk*', 'StudyInstanceUID')).toBe(1);
    expect(await query('-S', 'STUDY', 'PatientName=dcmtk*', 'StudyDate=20240301-', 'StudyInstanceUID')).toBe(0);
    expect(await query('-S', 'SERIES', `StudyInstanceUID=${study.studyInstanceUid}`, 'SeriesInstanceUID', 'Modality')).toBe(2);
    expect(
      await query(
        '-S',
        'IMAGE',
        `StudyInstanceUID=${study.studyInstanceUid}`,
        `SeriesInstanceUID=${study.seriesInstanceUids[0]}`,
        'SOPInstanceUID',
      ),
    ).toBe(5);
  });

  it('getscu fetches a study unchanged', async () => {
    const into = join(folder.path, 'got');
    await mkdir(into);
    const result = await tool(
      'getscu',
      '-S',
      '+B',
      '-od',
      into,
      '-k',
      'QueryRetrieveLevel=STUDY',
      '-k',
      `StudyInstanceUID=${study.studyInstanceUid}`,
    );
    expect(result).toMatchObject({ code: 0 });
    expect(await digestsIn(into)).toEqual(await digestsByWeb(study.studyInstanceUid));
  });

  it('movescu sends a study to storescp unchanged', async () => {
    const result = await tool(
      'movescu',
      '-S',
      '-aem',
      'STORESCP',
      '-k',
      'QueryRetrieveLevel=STUDY',
      '-k',
      `StudyInstanceUID=${study.studyInstanceUid}`,
    );
    expect(result).toMatchObject({ code: 0 });
    expect(await digestsIn(join(folder.path, 'moved'))).toEqual(await digestsByWeb(study.studyInstanceUid));
  });

  it('case 15: movescu to an unknown destination is told A801', async () => {
    const result = await tool(
      'movescu',
      '-v',
      '-S',
      '-aem',
      'NOWHERE',
      '-k',
      'QueryRetrieveLevel=STUDY',
      '-k',
      `StudyInstanceUID=${study.studyInstanceUid}`,
    );
    expect(result.code).not.toBe(0);
    expect(result.stderr + result.stdout).toMatch(/0xa801|Move ?Destination ?Unknown/i);
  });

  describe('after it all', () => {
    it('the archive still answers', async () => {
      expect(await tool('echoscu')).toMatchObject({ code: 0 });
    });
  });
});
