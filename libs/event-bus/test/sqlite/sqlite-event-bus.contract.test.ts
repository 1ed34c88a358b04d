import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeEventBusContract } from '@cairn/event-bus/contract';
import { SqliteEventBus } from '@cairn/event-bus/sqlite';
import { documentedProduct } from '@cairn/testing';

const documented = documentedProduct('In process');

describeEventBusContract(
  'SqliteEventBus',
  async (observer) => {
    const folder = await mkdtemp(join(tmpdir(), 'cairn-events-'));
    const open = (): Promise<SqliteEventBus> => SqliteEventBus.open({ file: join(folder, 'events.sqlite'), observer });
    return { bus: await open(), reopen: open, destroy: () => rm(folder, { recursive: true }) };
  },
  { durableOnPublish: documented['durableOnPublish'] === 'yes', keepsCommitted: documented['keepsCommitted'] === 'yes' },
);
