import { describe, expect, it } from '@jest/globals';
import { mergeMetrics } from '../src/merge-metrics.ts';

const HEAD = '# HELP seen Things seen.\n# TYPE seen counter';

describe('mergeMetrics', () => {
  it('names the process in every sample and keeps a family together', () => {
    const merged = mergeMetrics([
      { labels: { service: 'ingest' }, text: `${HEAD}\nseen 1\n\n# TYPE other gauge\nother{kind="a b"} 2\n` },
      { labels: { service: 'indexer' }, text: `${HEAD}\nseen 3\n` },
    ]);
    expect(merged.trim().split('\n')).toEqual([
      '# HELP seen Things seen.',
      '# TYPE seen counter',
      'seen{service="ingest"} 1',
      'seen{service="indexer"} 3',
      '',
      '# TYPE other gauge',
      'other{service="ingest",kind="a b"} 2',
    ]);
  });

  it('keeps buckets with their histogram', () => {
    const text = '# TYPE took histogram\ntook_bucket{le="+Inf"} 1\ntook_sum 0.5\ntook_count 1\n';
    const merged = mergeMetrics([
      { labels: { replica: '0' }, text },
      { labels: { replica: '1' }, text },
    ]);
    expect(merged.match(/# TYPE took/g)).toHaveLength(1);
    expect(merged).toContain('took_bucket{replica="1",le="+Inf"} 1');
  });
});
