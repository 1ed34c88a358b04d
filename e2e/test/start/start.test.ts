import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TINY, aStudy, connectScripted, makeTempDir } from '@cairn/testing';
import type { TempDir } from '@cairn/testing';
import { runCairn, runStart, startArchive } from '../harness/archive.ts';
import type { Archive, Exit } from '../harness/archive.ts';
import { readPart10 } from '../harness/part10.ts';
import { runCommand } from '../harness/peers.ts';
import { itStandalone } from '../harness/shape.ts';
import { eventually, get, qido, stow, textOf } from '../harness/web.ts';

const FREE_PORTS = { CAIRN_DICOM_PORT: '0', CAIRN_HTTP_PORT: '0' };

describe('cairn start', () => {
  let folder: TempDir;
  let archive: Archive | undefined;

  beforeEach(async () => {
    folder = await makeTempDir();
    archive = undefined;
  });

  afterEach(async () => {
    await archive?.dispose();
    await folder.remove();
  });

  function fails(env: Readonly<Record<string, string>>): Promise<Exit> {
    return runStart(join(folder.path, 'data'), { CAIRN_LOG_LEVEL: 'warn', ...FREE_PORTS, ...env });
  }

  /** One clear line on standard error, no stack. */
  function expectOneLine(exit: Exit, code: number, named: string): void {
    expect({ code: exit.code, stderr: exit.stderr }).toEqual({ code, stderr: expect.stringContaining(named) });
    expect(exit.stderr).not.toMatch(/\n\s+at |node:internal/);
    expect(exit.stderr.trim().split('\n')).toHaveLength(1);
  }

  it.each([
    ['an unknown key', { CAIRN_DIKOM_PORT: '1' }, 'CAIRN_DIKOM_PORT'],
    ['a wrong port', { CAIRN_HTTP_PORT: 'eighty' }, 'CAIRN_HTTP_PORT'],
    ['a port out of range', { CAIRN_DICOM_PORT: '70000' }, 'CAIRN_DICOM_PORT'],
    ['an AE title that is too long', { CAIRN_AE_TITLE: 'SEVENTEEN_LETTERS' }, 'CAIRN_AE_TITLE'],
    ['a malformed peer', { CAIRN_DICOM_PEERS: 'nonsense' }, 'CAIRN_DICOM_PEERS'],
    ['a host that others reach', { CAIRN_HOST: '0.0.0.0' }, 'CAIRN_HOST'],
    ['a missing configuration file', { CAIRN_CONFIG: '/nowhere/cairn.yaml' }, 'CAIRN_CONFIG'],
  ])('%s ends with code 78 and one line that names it', async (_name, env, named) => {
    expectOneLine(await fails(env), 78, named);
  });

  it('names every wrong key at once', async () => {
    const { code, stderr } = await fails({ CAIRN_HTTP_PORT: 'x', CAIRN_AE_TITLE: '' });
    expect(code).toBe(78);
    expect(stderr).toMatch(/CAIRN_HTTP_PORT[^]*CAIRN_AE_TITLE|CAIRN_AE_TITLE[^]*CAIRN_HTTP_PORT/);
  });

  it('takes its settings from a YAML file, and the environment wins', async () => {
    const file = join(folder.path, 'cairn.yaml');
    await writeFile(file, 'CAIRN_AE_TITLE: FROMFILE\nCAIRN_HTTP_PORT: 0\nCAIRN_DICOM_PORT: 70000\n');
    archive = await startArchive({ dataDir: join(folder.path, 'data'), env: { CAIRN_CONFIG: file } });
    expect(archive.aeTitle).toBe('FROMFILE');
    await writeFile(file, 'CAIRN_TYPO: 1\n');
    expectOneLine(await fails({ CAIRN_CONFIG: file }), 78, 'CAIRN_TYPO');
  });

  it.each(['CAIRN_HTTP_PORT', 'CAIRN_DICOM_PORT'])('a busy %s ends with code 1 and one line', async (name) => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as AddressInfo;
    expectOneLine(await fails({ [name]: String(port) }), 1, String(port));
    busy.close();
  });

  it('a data folder that cannot be one ends with code 1 and one line', async () => {
    await writeFile(join(folder.path, 'file'), 'x');
    expectOneLine(await fails({ CAIRN_DATA_DIR: join(folder.path, 'file/data') }), 1, 'data');
  });

  (process.getuid?.() === 0 ? it.skip : it)('an unwritable data folder ends with code 1 and one line', async () => {
    const sealed = join(folder.path, 'sealed');
    await mkdir(sealed);
    await chmod(sealed, 0o500);
    expectOneLine(await fails({ CAIRN_DATA_DIR: join(sealed, 'data') }), 1, 'data');
  });

  it('a second archive on the same data folder ends with code 1 and one line', async () => {
    archive = await startArchive({ dataDir: join(folder.path, 'data') });
    const exit = await fails({});
    expect({ code: exit.code, lines: exit.stderr.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect((await fetch(`${archive.origin}/health/ready`)).status).toBe(200);
  });

  it('CAIRN_INSECURE=1 listens for others, with a warning', async () => {
    archive = await startArchive({ dataDir: join(folder.path, 'data'), env: { CAIRN_HOST: '127.0.0.2', CAIRN_INSECURE: '1' } });
    expect(archive.origin).toMatch(/^http:\/\/127\.0\.0\.2:/);
  });

  it('SIGTERM lets a transfer under way finish and ends with code 0', async () => {
    archive = await startArchive({ dataDir: join(folder.path, 'data') });
    const instance = aStudy({ ...TINY, seed: 1101 }).instances[0]!;
    const body = Buffer.concat([
      Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n'),
      instance.bytes(),
      Buffer.from('\r\n--b--\r\n'),
    ]);
    const connection = await connectScripted(Number(new URL(archive.origin).port));
    await connection.send(
      `POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/related; type="application/dicom"; boundary=b\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    // The request is under way once the archive asks for its body.
    expect((await connection.read(25)).toString('latin1')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await connection.send(body.subarray(0, 1000));
    const exit = archive.stop();
    await eventually(
      () =>
        fetch(`${archive!.origin}/health/ready`).then(
          (answer) => answer.status,
          () => 0,
        ),
      (status) => status !== 200,
    );
    await connection.send(body.subarray(1000));
    const answer = (await connection.readToEnd(15_000)).toString('latin1');
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    expect(await exit).toMatchObject({ code: 0, signal: null });
    archive = await startArchive({ dataDir: join(folder.path, 'data') });
    expect(await qido(archive, `/instances?SOPInstanceUID=${instance.sopInstanceUid}`)).toHaveLength(1);
  }, 60_000);

  it('answers health, metrics and a page at the root', async () => {
    archive = await startArchive({ dataDir: join(folder.path, 'data') });
    const statusOf = async (path: string): Promise<number> => (await fetch(archive!.origin + path)).status;
    expect([await statusOf('/health/live'), await statusOf('/health/ready'), await statusOf('/metrics'), await statusOf('/')]).toEqual([
      200, 200, 200, 200,
    ]);
    const page = await fetch(archive.origin);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await page.text()).toContain(archive.webUrl);
  });

  itStandalone('keeps each object as a plain file below the data folder', async () => {
    archive = await startArchive({ dataDir: join(folder.path, 'data') });
    const instance = aStudy({ ...TINY, seed: 1102 }).instances[0]!;
    await stow(archive, [instance.bytes()]);
    const { stdout } = await runCommand('find', [join(folder.path, 'data/objects/landing/default'), '-name', '*.dcm']);
    const [path, ...others] = stdout.trim().split('\n');
    expect(others).toEqual([]);
    expect(path).toMatch(/\/landing\/default\/\d{10}\/[0-9A-Z]{26}\.dcm$/);
    expect(await readFile(path!)).toEqual(instance.bytes());
  });

  it('the three printed lines send, find and fetch a study', async () => {
    archive = await startArchive({ dataDir: join(folder.path, 'data') });
    const lines = archive
      .output()
      .stdout.split('\n')
      .filter((line) => line.trimStart().startsWith('curl '));
    expect(lines).toHaveLength(3);
    const sent = await runCommand('bash', ['-c', `${lines[0]} -sS --fail`], { cwd: folder.path });
    expect(sent).toMatchObject({ code: 0 });
    expect(sent.stdout).toContain('00081199');
    await eventually(
      () => qido(archive!, '/studies'),
      (found) => found.length === 1,
    );
    const found = await runCommand('bash', ['-c', `${lines[1]} -sS --fail`], { cwd: folder.path });
    expect(JSON.parse(found.stdout)).toHaveLength(1);
    expect(await runCommand('bash', ['-c', `${lines[2]} -sS --fail`], { cwd: folder.path })).toMatchObject({ code: 0 });
    const fetched = await readFile(join(folder.path, 'fetched-study.multipart'));
    expect(fetched.toString('latin1')).toContain('DICM');
    const [study] = await qido(archive, '/studies');
    const answer = await get(archive, `/studies/${textOf(study!, '0020000D')}/series`, 'application/dicom+json');
    expect(answer.status).toBe(200);
  });

  it('cairn sample writes the sample study', async () => {
    const into = join(folder.path, 'sample');
    expect(await runCairn(['sample', into], { CAIRN_DATA_DIR: join(folder.path, 'data') })).toMatchObject({ code: 0 });
    const { stdout } = await runCommand('find', [into, '-name', '*.dcm']);
    const paths = stdout.trim().split('\n');
    expect(paths.length).toBeGreaterThan(1);
    expect(readPart10(await readFile(paths[0]!)).sopInstanceUid).toMatch(/^[\d.]+$/);
  });

  it('an unknown command ends with code 64', async () => {
    expect(await runCairn(['fly'], {})).toMatchObject({ code: 64 });
  });
});
