/** How the servers are started and set up. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Ports, Product } from './server.ts';

const CAIRN_PROGRAM = join(import.meta.dirname, '../../../services/standalone/bin/cairn.mjs');
const SERVICES_PROGRAM = join(import.meta.dirname, '../../../tools/services/src/main.ts');
const DICOMWEB_PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';

/** Cairn as built, with its embedded defaults; `nodeOptions` for its Node. */
export function cairn(nodeOptions: string): Product {
  return {
    name: 'cairn',
    readyPath: '/health/ready',
    aeTitle: 'CAIRN',
    command: (ports, folder) => ({
      file: CAIRN_PROGRAM,
      args: ['start'],
      env: { ...settings(ports, folder), NODE_OPTIONS: nodeOptions },
    }),
  };
}

/** Cairn as services: what `npm run start:services` starts, with `replicas` processes of each service and infrastructure of its own. */
export function cairnServices(replicas = 1): Product {
  const ofEach = ['dicom-gateway', 'ingest', 'indexer', 'query-retrieve'].map((service) => `${service}=${replicas}`);
  return {
    name: 'services',
    readyPath: '/health/ready',
    aeTitle: 'CAIRN',
    replicas,
    isInfrastructure: (commandLine) => !commandLine.includes(CAIRN_PROGRAM),
    command: (ports, folder) => ({
      file: process.execPath,
      args: ['--conditions=@cairn/source', '--disable-warning=ExperimentalWarning', SERVICES_PROGRAM],
      env: { ...process.env, ...settings(ports, folder), CAIRN_REPLICAS: ofEach.join(',') },
    }),
  };
}

function settings(ports: Ports, folder: string): Record<string, string> {
  return {
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    CAIRN_DATA_DIR: join(folder, 'data'),
    CAIRN_DICOM_PORT: String(ports.dicom),
    CAIRN_HTTP_PORT: String(ports.http),
  };
}

/** Orthanc with its DICOMweb plugin; what is not named keeps its default (fsync on, PDUs of 16 KB, four DICOM threads). */
const ORTHANC: Product = {
  name: 'orthanc',
  readyPath: '/system',
  aeTitle: 'ORTHANC',
  command: (ports, folder) => {
    const configuration = {
      Name: 'bench',
      StorageDirectory: folder,
      IndexDirectory: folder,
      HttpPort: ports.http,
      DicomPort: ports.dicom,
      DicomAet: 'ORTHANC',
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      DicomAlwaysAllowFind: true,
      DicomAlwaysAllowGet: true,
      KeepAlive: true,
      TcpNoDelay: true,
      Plugins: [DICOMWEB_PLUGIN],
      DicomWeb: { Enable: true, Root: '/dicom-web/' },
    };
    const file = join(folder, 'orthanc.json');
    writeFileSync(file, JSON.stringify(configuration));
    // TcpNoDelay is for HTTP only; DCMTK's network layer reads the environment.
    return { file: 'Orthanc', args: [file], env: { TCP_NODELAY: '1' } };
  },
};

/** Orthanc and its version, or undefined where it or its DICOMweb plugin is not installed. */
export function findOrthanc(): { product: Product; version: string } | undefined {
  const { stdout, status } = spawnSync('Orthanc', ['--version'], { encoding: 'utf8' });
  if (status !== 0 || !existsSync(DICOMWEB_PLUGIN)) return undefined;
  return { product: ORTHANC, version: /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown version' };
}
