import type { RequestHandlers } from '@cairn/dimse';
import { Inject } from '@nestjs/common';
import { CommitmentScp } from './commitment/commitment-scp.ts';
import { FindScp } from './find/find-scp.ts';
import { GatewayMonitor } from './gateway-monitor.ts';
import { GetScp } from './retrieve/get-scp.ts';
import { MoveScp } from './retrieve/move-scp.ts';
import { StoreScp } from './store/store-scp.ts';

/** What serves each kind of request. */
export class ServiceClasses {
  /** For the listener. */
  readonly handlers: Required<RequestHandlers>;

  constructor(
    @Inject(GatewayMonitor) monitor: GatewayMonitor,
    @Inject(StoreScp) store: StoreScp,
    @Inject(FindScp) find: FindScp,
    @Inject(GetScp) get: GetScp,
    @Inject(MoveScp) move: MoveScp,
    @Inject(CommitmentScp) commitment: CommitmentScp,
  ) {
    this.handlers = {
      onStore: async (operation, dataSet) => await monitor.served('C-STORE', operation, () => store.store(operation, dataSet)),
      onFind: (operation, identifier) => monitor.streamed('C-FIND', operation, find.find(operation, identifier)),
      onGet: (operation, identifier) => monitor.streamed('C-GET', operation, get.get(operation, identifier)),
      onMove: (operation, identifier) => monitor.streamed('C-MOVE', operation, move.move(operation, identifier)),
      onNService: async (operation, dataSet) => await monitor.served('N-ACTION', operation, () => commitment.act(operation, dataSet)),
    };
  }
}
