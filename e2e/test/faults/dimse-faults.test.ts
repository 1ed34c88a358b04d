import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CT_SLICE, TINY, TRANSFER_SYNTAX, aStudy, connectScripted, element, seededBytes, writeDataSet } from '@cairn/testing';
import type { ScriptedConnection } from '@cairn/testing';
import { startArchive } from '../harness/archive.ts';
import type { Archive } from '../harness/archive.ts';
import { descriptorCount } from '../harness/processes.ts';
import {
  PDU,
  associate,
  associateRequest,
  commandSet,
  echoCommand,
  echoes,
  messagePdus,
  pdu,
  rawStore,
  readPdu,
  storeCommand,
} from '../harness/raw-dimse.ts';
import { GATEWAYS } from '../harness/shape.ts';
import { eventually, qido } from '../harness/web.ts';

const CT_CONTEXT = ['1.2.840.10008.5.1.4.1.1.2', TRANSFER_SYNTAX.explicitLittleEndian] as const;
const ARTIM_LIMIT_MS = 30_000;

describe('DIMSE faults', () => {
  let archive: Archive;
  let silent: ScriptedConnection;

  beforeAll(async () => {
    archive = await startArchive({ env: { CAIRN_DICOM_CALLERS: 'RAW,PINNED@10.1.2.3', CAIRN_DICOM_MAX_ASSOCIATIONS: '20' } });
    silent = await connectScripted(archive.dicomPort);
    await silent.send(Buffer.from([1, 0, 0]));
  }, 60_000);

  afterAll(() => archive?.dispose());

  it('case 1: 600 associations made, aborted and turned away leave no descriptor behind', async () => {
    const descriptors = (): number => descriptorCount(archive.pids());
    const before = descriptors();
    for (let round = 0; round < 200; round++) {
      const [aborted, cut, refused] = await Promise.all([
        associate(archive.dicomPort),
        associate(archive.dicomPort),
        connectScripted(archive.dicomPort),
      ]);
      await aborted.send(pdu(PDU.abort, Buffer.alloc(4)));
      cut.reset();
      await refused.send(associateRequest({ calledAe: 'NOBODY' }));
      expect((await readPdu(refused)).type).toBe(PDU.associateRj);
      await Promise.all([aborted.readToEnd(), refused.readToEnd()]);
      for (const connection of [aborted, refused]) connection.reset();
    }
    expect(
      await eventually(
        async () => descriptors(),
        (count) => count <= before + 2,
      ),
    ).toBeLessThanOrEqual(before + 2);
    expect(await echoes(archive.dicomPort)).toBe(true);
  });

  it.each([0xffffffff, 0x7fffffff, 0x00200000])('case 3: a PDU that claims %i bytes is aborted', async (length) => {
    const connection = await associate(archive.dicomPort);
    const head = Buffer.from([PDU.data, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(length, 2);
    await connection.send(Buffer.concat([head, Buffer.alloc(1024)]));
    expect((await readPdu(connection)).type).toBe(PDU.abort);
    await connection.readToEnd();
    expect(await echoes(archive.dicomPort)).toBe(true);
  });

  it('case 3: the first PDU may claim no more than an association request needs', async () => {
    const connection = await connectScripted(archive.dicomPort);
    await connection.send(Buffer.from([PDU.associateRq, 0, 0xff, 0xff, 0xff, 0xff]));
    const answer = await connection.readToEnd();
    expect(answer.length === 0 || answer[0] === PDU.abort).toBe(true);
  });

  it('case 4: broken command sets are aborted or refused, and the next association is served', async () => {
    const whole = echoCommand();
    const broken = [
      whole.subarray(12),
      whole.subarray(0, whole.length - 3),
      Buffer.concat([whole.subarray(0, 8), Buffer.from([0xff, 0xff, 0xff, 0x7f]), whole.subarray(12)]),
      commandSet([element('00000100', 'US', 0x7777), element('00000110', 'US', 1), element('00000800', 'US', 0x0101)]),
      commandSet([element('00000002', 'UI', '1.2.840.10008.1.1'), element('00000110', 'US', 1)]),
      commandSet([element('00000100', 'UL', 0x0030), element('00000110', 'US', 1), element('00000800', 'US', 0x0101)]),
      Buffer.alloc(0),
      seededBytes(9, 4096),
    ];
    for (let seed = 0; seed < 150; seed++) {
      const mutated = Buffer.from(whole);
      const noise = seededBytes(seed + 1, 8);
      for (let change = 0; change <= seed % 3; change++) mutated[noise[change]! % mutated.length] = noise[change + 4]!;
      broken.push(mutated);
    }
    for (const bytes of broken) {
      const connection = await associate(archive.dicomPort);
      await connection.send(messagePdus(1, 'command', bytes));
      // Some mutations are harmless or wait for a data set: what counts is that nothing else suffers.
      await connection.send(pdu(PDU.releaseRq, Buffer.alloc(4))).catch(() => undefined);
      const answer = await connection.readToEnd(5000).catch(() => Buffer.alloc(0));
      expect([PDU.data, PDU.abort, PDU.releaseRp, undefined]).toContain(answer[0]);
      connection.reset();
    }
    expect(await echoes(archive.dicomPort)).toBe(true);
  }, 60_000);

  it.each([
    ['case 6: a wrong called AE title', { calledAe: 'WRONG' }, [1, 1, 7]],
    ['case 6: an unlisted calling AE title', { callingAe: 'STRANGER' }, [1, 1, 3]],
    ['case 7: a listed AE title from another address than its own', { callingAe: 'PINNED' }, [1, 1, 3]],
    ['case 13: shell characters in the calling AE title', { callingAe: '$(touch x);`id`' }, [1, 1, 3]],
  ])('%s is rejected with its reason', async (_case, proposal, [result, source, reason]) => {
    const connection = await connectScripted(archive.dicomPort);
    await connection.send(associateRequest(proposal));
    const answer = await readPdu(connection);
    expect({ type: answer.type, reason: [...answer.body.subarray(1, 4)] }).toEqual({
      type: PDU.associateRj,
      reason: [result, source, reason],
    });
    await connection.readToEnd();
  });

  it.each([
    ['a path', '../../etc/x'],
    ['an absolute path', '/etc/x'],
    ['NUL', Buffer.from('1.2\0.3\0')],
    ['300 characters', '1'.repeat(300)],
    ['shell characters', '1.2;$(touch x)'],
  ])('case 11: C-STORE with %s as SOP Instance UID is refused and leaves no object', async (_name, uid) => {
    const before = await archive.storedObjects();
    const [instance] = aStudy({ ...TINY, seed: 601, elements: [element('00080018', 'UI', uid)] }).instances;
    const connection = await associate(archive.dicomPort, { contexts: [CT_CONTEXT] });
    const { status } = await rawStore(connection, CT_CONTEXT[0], uid, writeDataSet({ elements: instance!.elements() }));
    expect(status.toString(16).padStart(4, '0')).toMatch(/^(a[79]|c|01)/);
    expect(await archive.storedObjects()).toEqual(before);
    expect(existsSync(join(archive.dataDir, 'etc'))).toBe(false);
    connection.reset();
  });

  it.each([
    ['SOP Instance UID', { sopInstanceUid: '2.25.999' }],
    ['SOP Class UID', { sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }],
  ])('case 14: a command whose %s is not that of the data set is refused', async (_name, other) => {
    const [instance] = aStudy({ ...TINY, seed: 602 }).instances;
    const ids = { sopClassUid: CT_CONTEXT[0], sopInstanceUid: instance!.sopInstanceUid, ...other };
    const connection = await associate(archive.dicomPort, { contexts: [[ids.sopClassUid, TRANSFER_SYNTAX.explicitLittleEndian]] });
    const { status } = await rawStore(connection, ids.sopClassUid, ids.sopInstanceUid, writeDataSet({ elements: instance!.elements() }));
    expect(status.toString(16)).toMatch(/^a9/);
    expect(await qido(archive, `/instances?SOPInstanceUID=${instance!.sopInstanceUid},2.25.999`)).toEqual([]);
    connection.reset();
  });

  it('case 23: a connection cut in the middle of a data set leaves nothing', async () => {
    const [instance] = aStudy({ ...CT_SLICE, seed: 603 }).instances;
    const before = await archive.storedObjects();
    const connection = await associate(archive.dicomPort, { contexts: [CT_CONTEXT] });
    const data = messagePdus(1, 'dataSet', writeDataSet({ elements: instance!.elements() }));
    await connection.send(messagePdus(1, 'command', storeCommand(instance!.sopClassUid, instance!.sopInstanceUid)));
    await connection.send(data.subarray(0, data.length / 2));
    connection.reset();
    expect(await eventually(archive.unfinishedObjects, (names) => names.length === 0)).toEqual([]);
    expect(await archive.storedObjects()).toEqual(before);
    expect(await qido(archive, `/instances?SOPInstanceUID=${instance!.sopInstanceUid}`)).toEqual([]);
  });

  it('case 24: an association above the limit is turned away for now, not left hanging', async () => {
    const open = await Promise.all(Array.from({ length: 20 * GATEWAYS }, () => associate(archive.dicomPort).catch(() => undefined)));
    const further = await connectScripted(archive.dicomPort);
    await further.send(associateRequest());
    const answer = await readPdu(further);
    expect({ type: answer.type, reason: [...answer.body.subarray(1, 4)] }).toEqual({ type: PDU.associateRj, reason: [2, 3, 2] });
    for (const connection of open) connection?.reset();
    expect(await eventually(() => echoes(archive.dicomPort).catch(() => false), Boolean)).toBe(true);
  });

  it('case 2: a connection that sent three bytes and waits is closed within 30 s, others are served meanwhile', async () => {
    expect(await echoes(archive.dicomPort)).toBe(true);
    await silent.readToEnd(ARTIM_LIMIT_MS + 5000);
  }, 60_000);
});
