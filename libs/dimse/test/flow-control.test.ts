import { describe, expect, it } from '@jest/globals';
import { CairnError } from '@cairn/core';
import { FlowControl, HIGH_WATER_BYTES } from '../src/message/flow-control.ts';
import { IncomingDataSet } from '../src/message/incoming-data-set.ts';

function flow(): { control: FlowControl; log: string[] } {
  const log: string[] = [];
  return { control: new FlowControl({ pause: () => log.push('pause'), resume: () => log.push('resume') }), log };
}

describe('flow control', () => {
  it('pauses once beyond the bound and reads on when most is taken', async () => {
    const { control, log } = flow();
    const dataSet = new IncomingDataSet(control);
    for (let index = 0; index < 20; index++) dataSet.push(Buffer.alloc(65_536));
    expect(log).toEqual(['pause']);
    for (let index = 0; index < 20; index++) await dataSet.next();
    expect(log).toEqual(['pause', 'resume']);
    expect(control.paused).toBe(false);
  });

  it('counts the cost of tiny fragments', () => {
    const { control, log } = flow();
    const dataSet = new IncomingDataSet(control);
    for (let index = 0; index < HIGH_WATER_BYTES / 190; index++) dataSet.push(Buffer.alloc(1));
    expect(log).toEqual(['pause']);
  });

  it('reads on when the consumer drops the rest', async () => {
    const { control, log } = flow();
    const dataSet = new IncomingDataSet(control);
    dataSet.push(Buffer.alloc(HIGH_WATER_BYTES));
    for await (const _ of dataSet) break;
    dataSet.push(Buffer.alloc(HIGH_WATER_BYTES));
    dataSet.end();
    await dataSet.finished();
    expect(log).toEqual(['pause', 'resume']);
    expect(await dataSet.next()).toEqual({ done: true, value: undefined });
  });

  it('gives what had arrived, then the error', async () => {
    const dataSet = new IncomingDataSet(flow().control);
    dataSet.push(Buffer.from('a'));
    dataSet.fail(new CairnError('dimse.aborted', 'Gone.'));
    dataSet.end();
    expect((await dataSet.next()).value).toEqual(Buffer.from('a'));
    await expect(dataSet.next()).rejects.toMatchObject({ code: 'dimse.aborted' });
    const waiting = new IncomingDataSet(flow().control);
    const next = waiting.next();
    waiting.fail(new CairnError('dimse.aborted', 'Gone.'));
    await expect(next).rejects.toMatchObject({ code: 'dimse.aborted' });
  });
});
