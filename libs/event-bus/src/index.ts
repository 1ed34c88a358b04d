export type {
  DeadLetter,
  DeliveredEvent,
  EventBus,
  EventBusSupports,
  EventFailure,
  EventHandler,
  OutgoingEvent,
  SubscribeOptions,
  Subscription,
} from './event-bus.ts';
