export type {
  DeadLetter,
  DeliveredEvent,
  EventBus,
  EventBusObserver,
  EventBusSupports,
  EventFailure,
  EventHandler,
  OutgoingEvent,
  SubscribeOptions,
  Subscription,
} from './event-bus.ts';
