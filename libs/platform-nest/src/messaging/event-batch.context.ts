import { BaseRpcContext } from '@nestjs/microservices';

/** What a handler learns by `@Ctx()`. */
export class EventBatchContext extends BaseRpcContext<[topic: string, group: string]> {
  getTopic(): string {
    return this.args[0];
  }

  getGroup(): string {
    return this.args[1];
  }
}
