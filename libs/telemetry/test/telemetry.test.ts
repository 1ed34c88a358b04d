import { describe, expect, it } from '@jest/globals';
import { Metrics, createLogger } from '../src/index.ts';

describe('Metrics', () => {
  it('renders counters with their labels, and gauges read at the scrape', async () => {
    const metrics = new Metrics();
    metrics.objectStoreOperations.inc({ operation: 'put' });
    metrics.objectStoreOperations.inc({ operation: 'put' });
    let depth = 1;
    metrics.sample(metrics.eventSpoolDepth, {}, () => depth);
    depth = 7;
    const text = await metrics.render();
    expect(text).toContain('cairn_object_store_operations_total{operation="put"} 2');
    expect(text).toContain('cairn_event_spool_depth 7');
    expect(metrics.contentType).toContain('text/plain');
  });

  it('leaves out a gauge that cannot be read, and shows the others', async () => {
    const metrics = new Metrics();
    let isDown = true;
    metrics.sample(metrics.eventLag, { topic: 't', group: 'failing' }, async () => {
      if (isDown) throw new Error('down');
      return 1;
    });
    metrics.sample(metrics.eventLag, { topic: 't', group: 'stalled' }, () => new Promise(() => undefined));
    metrics.sample(metrics.eventLag, { topic: 't', group: 'reading' }, () => 2);
    const lags = async (): Promise<string[]> => (await metrics.render()).split('\n').filter((line) => line.startsWith('cairn_event_lag'));
    expect(await lags()).toEqual(['cairn_event_lag{topic="t",group="reading"} 2']);
    isDown = false;
    expect((await lags()).toSorted()).toEqual([
      'cairn_event_lag{topic="t",group="failing"} 1',
      'cairn_event_lag{topic="t",group="reading"} 2',
    ]);
  });

  it('describes every metric of its own', async () => {
    const described = await new Metrics().describe();
    expect(described).toContainEqual({ name: 'cairn_event_lag', help: expect.any(String), type: 'gauge', labels: ['topic', 'group'] });
    expect(described.every(({ name }) => name.startsWith('cairn_'))).toBe(true);
  });

  it('refuses a label that a metric does not have, so that nothing unplanned is ever exposed', () => {
    expect(() => new Metrics().instancesReceived.inc({ patient: 'X' })).toThrow();
  });

  it('keeps the counts of two instances apart', async () => {
    new Metrics().conflicts.inc({ kind: 'content' });
    expect(await new Metrics().render()).not.toContain('cairn_index_conflicts_total{');
  });
});

describe('createLogger', () => {
  it('takes every level', () => {
    for (const level of ['debug', 'info', 'warn', 'error', 'silent'] as const) expect(createLogger(level)).toHaveProperty('info');
  });
});
