import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { CairnError } from '@cairn/core';
import { DimseClient } from '@cairn/dimse';
import { Unavailable } from '@cairn/infra';
import { TINY, TRANSFER_SYNTAX, aStudy, dataSetOffset, makeTempDir } from '@cairn/testing';
import type { PhantomInstance } from '@cairn/testing';
import { startServices } from '../src/index.ts';
import type { RunningServices, ServiceProcess } from '../src/index.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const OPTIONS = ['--conditions=@cairn/source', '--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning'];
const TIMEOUT_MS = 240_000;
const POLL_MS = 100;

const folder = await makeTempDir();
/** No settings from outside: other suites keep theirs in the environment too. */
const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CAIRN_'));
const SETTINGS = {
  ...Object.fromEntries(inherited),
  CAIRN_DATA_DIR: folder.path,
  CAIRN_HTTP_PORT: '0',
  CAIRN_DICOM_PORT: '0',
  CAIRN_LOG_LEVEL: 'silent',
  CAIRN_REPLICAS: 'dicom-gateway=2',
};

/** Started by a test, each a process group. */
const programs: ChildProcess[] = [];

/** Undefined where a server cannot be had: then the suite is skipped and counted. */
const archive = await startedWhereItCan();

async function startedWhereItCan(): Promise<RunningServices | undefined> {
  try {
    return await startServices(SETTINGS);
  } catch (error) {
    const cause = CairnError.is(error, 'runtime.start-failed') ? error.cause : undefined;
    if (!(cause instanceof Unavailable) || (process.env['CI'] === 'true' && cause.kind !== 'gone')) throw error;
    process.stderr.write(`${cause.message}\n`);
    return undefined;
  }
}

(archive ? describe : describe.skip)('the archive as services', () => {
  const running = archive as RunningServices;
  const [first, second, third] = aStudy({ ...TINY, seed: 4101, instances: 3 }).instances as [
    PhantomInstance,
    PhantomInstance,
    PhantomInstance,
  ];

  afterAll(async () => {
    for (const child of programs) if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
    await running.stop();
    await folder.remove();
  }, TIMEOUT_MS);

  function one(service: string): ServiceProcess {
    return running.processes.find((process_) => process_.service === service)!;
  }

  it(
    'stores by C-STORE and STOW-RS, finds by QIDO-RS, gives back the bytes',
    async () => {
      await untilReady(running.origin);
      expect(await cStore(running.reach.dicomPort, first)).toBe(0);
      expect(await stow(running.origin, second)).toBe(200);
      await untilFound(running.origin, [first, second]);
      const bytes = second.bytes();
      expect((await fetched(running.origin, second)).includes(bytes)).toBe(true);
    },
    TIMEOUT_MS,
  );

  it(
    'goes on with the other replica when one is dead, and with it when it is back',
    async () => {
      await one('dicom-gateway').kill();
      for (let time = 0; time < 3; time++) expect(await cStore(running.reach.dicomPort, first)).toBe(0);
      expect((await readiness(running.origin)).checks['dicom-gateway-0']).toBe('No answer.');
      await one('dicom-gateway').restart();
      await untilReady(running.origin);
    },
    TIMEOUT_MS,
  );

  it(
    'starts a process that died again',
    async () => {
      const { pid } = one('ingest');
      process.kill(pid!, 'SIGKILL');
      await eventually(
        async () => one('ingest').pid !== undefined && one('ingest').pid !== pid && (await readiness(running.origin)).status === 200,
      );
      expect(await stow(running.origin, third)).toBe(200);
      await untilFound(running.origin, [third]);
    },
    TIMEOUT_MS,
  );

  it(
    'starts without its servers, says why it is not ready, and becomes ready when they come',
    async () => {
      await Promise.all(running.infra.map((server) => server.kill9()));
      await Promise.all(running.processes.map((process_) => process_.kill()));
      await Promise.all(running.processes.map((process_) => process_.restart()));
      await eventually(async () => /cannot be opened|Kafka/.test(JSON.stringify((await readiness(running.origin)).checks)));
      const { status, checks } = await readiness(running.origin);
      expect(status).toBe(503);
      expect(checks['ingest-0: process']).toBe('ok');
      expect(checks['ingest-0: object store']).not.toBe('ok');
      expect(checks['query-retrieve-0: index']).not.toBe('ok');
      expect(checks['indexer-0: event bus']).not.toBe('ok');
      expect(await cStore(running.reach.dicomPort, first)).toBe(0xa700);
      expect(await stow(running.origin, first)).toBe(503);
      await Promise.all(running.infra.map((server) => server.restart()));
      await untilReady(running.origin);
      await untilFound(running.origin, [first, second, third]);
    },
    TIMEOUT_MS,
  );

  it(
    'has its data after a stop, and after kill -9 of the whole group; SIGTERM ends it with code 0',
    async () => {
      await running.stop();
      const program = await startProgram();
      await untilFound(program.origin, [first, second, third]);
      process.kill(-program.child.pid!, 'SIGKILL');
      await once(program.child, 'exit');
      const again = await startProgram();
      await untilFound(again.origin, [first, second, third]);
      again.child.kill('SIGTERM');
      expect(await once(again.child, 'exit')).toEqual([0, null]);
    },
    TIMEOUT_MS,
  );
});

/** `npm run start:services` as a process group of its own, ready. */
async function startProgram(): Promise<{ child: ChildProcess; origin: string }> {
  const child = spawn(process.execPath, [...OPTIONS, MAIN], { env: SETTINGS, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  programs.push(child);
  let printed = '';
  child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
  await eventually(async () => /DICOMweb base URL: \S+\s/.test(printed));
  expect(printed).toMatch(
    /^AE title: +CAIRN\nDICOM port: +[1-9]\d+\nDICOMweb base URL: http:\/\/127\.0\.0\.1:[1-9]\d+\/dicom-web\nData folder: /,
  );
  const origin = /(http:\/\/\S+)\/dicom-web\s/.exec(printed)![1]!;
  await untilReady(origin);
  return { child, origin };
}

async function cStore(port: number, instance: PhantomInstance): Promise<number> {
  const { sopClassUid, sopInstanceUid } = instance;
  const transferSyntaxUid = TRANSFER_SYNTAX.explicitLittleEndian;
  const contexts = [{ abstractSyntaxUid: sopClassUid, transferSyntaxUids: [transferSyntaxUid] }];
  const association = await DimseClient.connect({ host: '127.0.0.1', port, callingAet: 'CT1', calledAet: 'CAIRN', contexts });
  const bytes = instance.bytes();
  const dataSet = bytes.subarray(dataSetOffset(bytes));
  const { status } = await association.store({ sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet });
  await association.release();
  return status;
}

async function stow(origin: string, instance: PhantomInstance): Promise<number> {
  const head = Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n');
  const answer = await fetch(`${origin}/dicom-web/studies`, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/related; type="application/dicom"; boundary=b' },
    body: Buffer.concat([head, instance.bytes(), Buffer.from('\r\n--b--\r\n')]),
  });
  await answer.body?.cancel();
  return answer.status;
}

async function fetched(origin: string, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: PhantomInstance): Promise<Buffer> {
  const path = `/dicom-web/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  const answer = await fetch(origin + path, { headers: { Accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' } });
  return Buffer.from(await answer.arrayBuffer());
}

async function untilFound(origin: string, instances: readonly PhantomInstance[]): Promise<void> {
  for (const { sopInstanceUid } of instances) {
    await eventually(async () => {
      const answer = await fetch(`${origin}/dicom-web/instances?SOPInstanceUID=${sopInstanceUid}`);
      return answer.status === 200 && ((await answer.json()) as unknown[]).length === 1;
    });
  }
}

async function readiness(origin: string): Promise<{ status: number; checks: Record<string, string> }> {
  const answer = await fetch(`${origin}/health/ready`);
  const { checks } = (await answer.json()) as { checks: Record<string, string> };
  return { status: answer.status, checks };
}

async function untilReady(origin: string): Promise<void> {
  await eventually(async () => (await readiness(origin)).status === 200);
}

/** Waits for as long as the test may take. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(POLL_MS);
}
