import { CairnError } from '@cairn/core';

/** The services that run as processes of their own. */
export const SERVICES = ['dicom-gateway', 'ingest', 'indexer', 'query-retrieve'] as const;

/** One of {@link SERVICES}. */
export type ServiceName = (typeof SERVICES)[number];

/** How many processes of each service run. */
export type Replicas = Readonly<Record<ServiceName, number>>;

/** Reads `dicom-gateway=2,indexer=3`; a service that is not named has one. Anything else → `config.invalid`. */
export function parseReplicas(text = ''): Replicas {
  const replicas = { 'dicom-gateway': 1, ingest: 1, indexer: 1, 'query-retrieve': 1 };
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue;
    const [name, count = ''] = entry.split('=', 2);
    const service = SERVICES.find((known) => known === name);
    if (service === undefined || !/^[1-9]\d?$/.test(count)) {
      const known = SERVICES.join(', ');
      throw new CairnError('config.invalid', `Configuration: CAIRN_REPLICAS: each entry must be service=1 to 99 of ${known}.`);
    }
    replicas[service] = Number(count);
  }
  return replicas;
}
