import { describe, expect, it } from '@jest/globals';
import { parseReplicas } from '../src/replicas.ts';

describe('parseReplicas', () => {
  it('gives one of each where nothing is said', () => {
    expect(parseReplicas()).toEqual({ 'dicom-gateway': 1, ingest: 1, indexer: 1, 'query-retrieve': 1 });
  });

  it('reads a list', () => {
    expect(parseReplicas('dicom-gateway=2, indexer=12,')).toEqual({ 'dicom-gateway': 2, ingest: 1, indexer: 12, 'query-retrieve': 1 });
  });

  it.each(['indexer', 'indexer=0', 'indexer=-1', 'indexer=100', 'archive=1', 'indexer=two'])('refuses %s', (text) => {
    expect(() => parseReplicas(text)).toThrow(/CAIRN_REPLICAS/);
  });
});
