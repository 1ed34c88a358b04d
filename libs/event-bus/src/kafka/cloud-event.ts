import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import { ALL_TENANTS } from '@cairn/core';
import type { DeliveredEvent, OutgoingEvent } from '../event-bus.ts';

const VERSION_1 = /^1\./;
const TENANT = /^[a-z0-9-]{1,64}$/;

/** A message read from a topic; `problem` says why it is no event that a handler could take. */
export interface ReceivedEvent extends DeliveredEvent {
  problem?: string;
}

/** What goes with an event into its message. */
export interface MessageContext {
  tenant: string;
  /** URI reference of the publisher. */
  source: string;
  publishedMs: number;
}

/**
 * The event as a message: CloudEvents 1.0, Kafka protocol binding 1.0.2 §3.2 (binary content mode); the tenant is an extension
 * attribute. The trace context has the header that W3C Trace Context names, which instrumented clients read.
 */
export function toMessage(event: OutgoingEvent, context: MessageContext): Message & { headers: IHeaders } {
  return {
    key: event.key,
    value: event.data,
    headers: {
      ce_specversion: '1.0',
      ce_id: event.id,
      ce_source: context.source,
      ce_type: event.type,
      ce_time: new Date(context.publishedMs).toISOString(),
      ce_tenant: context.tenant,
      ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
      'content-type': 'application/json',
    },
  };
}

/** The event in a message. Never fails: foreign or damaged messages have a `problem`, and headers that are not known are ignored. */
export function fromMessage(message: KafkaMessage): ReceivedEvent {
  const { headers, key, value, offset, timestamp } = message;
  const publishedMs = Date.parse(headerOf(headers, 'ce_time') ?? '');
  const traceparent = headerOf(headers, 'traceparent');
  const event = {
    id: headerOf(headers, 'ce_id') ?? `offset ${offset}`,
    key: key?.toString() ?? '',
    type: headerOf(headers, 'ce_type') ?? '',
    data: value?.toString() ?? '',
    tenant: headerOf(headers, 'ce_tenant') ?? ALL_TENANTS,
    sequence: Number(offset),
    publishedMs: Number.isNaN(publishedMs) ? Number(timestamp) : publishedMs,
    attempt: 1,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  const problem = problemOf(message);
  return problem === undefined ? event : { ...event, problem };
}

/** A header as text; undefined when absent. */
export function headerOf(headers: IHeaders | undefined, name: string): string | undefined {
  const header = headers?.[name];
  const first = Array.isArray(header) ? header[0] : header;
  return first?.toString();
}

function problemOf({ headers, value }: KafkaMessage): string | undefined {
  if (!VERSION_1.test(headerOf(headers, 'ce_specversion') ?? '')) return 'The message is no CloudEvent of version 1.';
  for (const name of ['ce_id', 'ce_type', 'ce_tenant']) if (!headerOf(headers, name)) return `The message has no header ${name}.`;
  if (!TENANT.test(headerOf(headers, 'ce_tenant') ?? '')) return 'The header ce_tenant names no tenant.';
  return value === null ? 'The message has no value.' : undefined;
}
