import type { DicomJson } from '@cairn/core';
import type { Archive } from '../harness/archive.ts';
import { get, qidoAll, textOf } from '../harness/web.ts';

/** All that the index answers: every document at every level with all attributes, and the metadata of every study. */
export interface IndexSnapshot {
  studies: DicomJson[];
  series: DicomJson[];
  instances: DicomJson[];
  metadata: Record<string, DicomJson[]>;
}

/** Asks for everything. URLs hold the port, so they are compared without it. */
export async function snapshot(archive: Archive): Promise<IndexSnapshot> {
  const withoutPort = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(archive.origin, 'http://archive')) as T;
  const studies = withoutPort(await qidoAll(archive, '/studies?includefield=all'));
  const metadata: Record<string, DicomJson[]> = {};
  for (const study of studies) {
    const uid = textOf(study, '0020000D');
    metadata[uid] = withoutPort((await (await get(archive, `/studies/${uid}/metadata`, 'application/dicom+json')).json()) as DicomJson[]);
  }
  return {
    studies,
    series: withoutPort(await qidoAll(archive, '/series?includefield=all')),
    instances: withoutPort(await qidoAll(archive, '/instances?includefield=all')),
    metadata,
  };
}
