import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aStudy, dataSetOffset, makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { DimseClient } from '../src/index.ts';
import type { ServerHandlers } from '../src/index.ts';
import { EXPLICIT, Harness, STUDY_MOVE, bytesOf, to } from './harness.ts';

const hasDcmtk = spawnSync('echoscu', ['--version']).error === undefined;
const test = hasDcmtk ? it : it.skip;

const harness = new Harness();
let dir: TempDir;
let child: ChildProcess | undefined;
beforeEach(async () => {
  dir = await makeTempDir();
});
afterEach(async () => {
  child?.kill();
  child = undefined;
  await harness.close();
  await dir.remove();
});

function run(program: string, ...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, output: stdout + stderr });
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function opened(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('connect', () => socket.destroy());
      socket.on('error', () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('The port did not open.');
}

const [instance] = aStudy({ rows: 300, columns: 300 }).instances;
const file = instance!.bytes();
const dataSet = file.subarray(dataSetOffset(file));

describe('DCMTK as peer', () => {
  test('echoscu, with 128 contexts too', async () => {
    const { port } = await harness.serve();
    expect(await run('echoscu', '127.0.0.1', String(port))).toMatchObject({ code: 0 });
    expect(await run('echoscu', '--propose-pc', '128', '--repeat', '3', '127.0.0.1', String(port))).toMatchObject({ code: 0 });
  });

  test('storescu sends; the bytes arrive unchanged at any maximum length', async () => {
    const received: Buffer[] = [];
    const onStore: ServerHandlers['onStore'] = async (_operation, chunks) => {
      received.push(await bytesOf(chunks));
      return { status: 0 };
    };
    const onAssociate: ServerHandlers['onAssociate'] = () => ({
      decideContext: ({ transferSyntaxUids }) =>
        transferSyntaxUids.includes(EXPLICIT) ? { result: 0, transferSyntaxUid: EXPLICIT } : { result: 4 },
    });
    await writeFile(join(dir.path, 'a.dcm'), file);
    for (const maxPduLength of [4096, 262_144]) {
      const { port } = await harness.serve({ onStore, onAssociate }, { maxPduLength });
      const result = await run('storescu', '127.0.0.1', String(port), join(dir.path, 'a.dcm'));
      expect(result).toMatchObject({ code: 0 });
      expect(received.pop()!.equals(dataSet)).toBe(true);
    }
  });

  test('findscu gets answers and cancels', async () => {
    let cancelled = false;
    const { port } = await harness.serve({
      async *onFind(operation) {
        operation.signal.addEventListener('abort', () => (cancelled ||= operation.cancelled));
        for (let index = 0; index < 50; index++) {
          yield { identifier: await Promise.resolve(Buffer.from('0800520043530600535455445920', 'hex')) };
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return { status: 0 };
      },
    });
    const all = await run('findscu', '-d', '-S', '-k', 'QueryRetrieveLevel=STUDY', '127.0.0.1', String(port));
    expect(all.code).toBe(0);
    expect(all.output.match(/Received Find Response \d+/g)).toHaveLength(50);
    const some = await run('findscu', '-v', '-S', '--cancel', '3', '-k', 'QueryRetrieveLevel=STUDY', '127.0.0.1', String(port));
    expect(some.code).toBe(0);
    expect(cancelled).toBe(true);
  });

  test('getscu takes C-STORE sub-operations', async () => {
    const { port } = await harness.serve({
      async *onGet(operation) {
        const { sopClassUid, sopInstanceUid } = instance!;
        const response = await operation.association.store({ sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT, dataSet });
        yield { subOperations: { remaining: 0, completed: 1, failed: response.status, warning: 0 } };
        return { status: 0, subOperations: { completed: 1, failed: 0, warning: 0 } };
      },
    });
    const key = ['-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID=1.2'];
    expect(await run('getscu', '-S', '+B', ...key, '-od', dir.path, '127.0.0.1', String(port))).toMatchObject({ code: 0 });
    const [name] = await readdir(dir.path);
    const got = await readFile(join(dir.path, name!));
    expect(got.subarray(dataSetOffset(got)).equals(dataSet)).toBe(true);
  });

  test('movescu reads counters and statuses', async () => {
    const statuses = [0, 0xa801];
    const { port } = await harness.serve({
      async *onMove() {
        yield { subOperations: await Promise.resolve({ remaining: 1, completed: 1, failed: 0, warning: 0 }) };
        return { status: statuses.shift()!, subOperations: { completed: 2, failed: 0, warning: 0 } };
      },
    });
    const args = ['-v', '-S', '-aem', 'DEST', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID=1.2', '127.0.0.1', String(port)];
    expect(await run('movescu', ...args)).toMatchObject({ code: 0 });
    const refused = await run('movescu', ...args);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(/MoveDestinationUnknown|a801/i);
  });

  test('storescp takes what we send, whatever its maximum length', async () => {
    const { sopClassUid, sopInstanceUid } = instance!;
    for (const maxPdu of [4096, 131_072]) {
      const port = await freePort();
      child = spawn('storescp', ['--bit-preserving', '-pdu', String(maxPdu), '-od', dir.path, String(port)]);
      await opened(port);
      const contexts = [{ abstractSyntaxUid: sopClassUid, transferSyntaxUids: [EXPLICIT] }];
      const association = await DimseClient.connect(to(port, { contexts }));
      expect((await association.store({ sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT, dataSet })).status).toBe(0);
      await association.release();
      child.kill();
      const [name] = await readdir(dir.path);
      const got = await readFile(join(dir.path, name!));
      expect(got.subarray(dataSetOffset(got)).equals(dataSet)).toBe(true);
    }
  });

  test('a refused context is told before anything is sent', async () => {
    const port = await freePort();
    child = spawn('storescp', ['--ignore', String(port)]);
    await opened(port);
    const association = await DimseClient.connect(to(port));
    expect(association.contextFor(STUDY_MOVE)).toBeUndefined();
    expect(() => association.move(STUDY_MOVE, 'DEST', Buffer.alloc(2))).toThrow(expect.objectContaining({ code: 'dimse.no-context' }));
    await association.release();
  });
});
