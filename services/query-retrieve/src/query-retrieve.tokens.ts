import type { FastifyRequest } from 'fastify';
import type { InstanceRetriever, QueryEngine } from '@cairn/archive';
import type { Scope } from '@cairn/core';

/** Settings of the query and retrieve service. */
export interface QueryRetrieveConfig {
  /** Results of a search across studies that names no limit. */
  defaultLimit: number;
  /** Most results in one answer, and what a search within one study gives that names no limit. */
  maxLimit: number;
}

/** Defaults of {@link QueryRetrieveConfig}. */
export const QUERY_RETRIEVE_DEFAULTS: QueryRetrieveConfig = { defaultLimit: 1_000, maxLimit: 10_000 };

/** What the query and retrieve service works with. */
export interface QueryRetrievePorts {
  queries: QueryEngine;
  retriever: InstanceRetriever;
  /** On whose behalf a request is made. */
  scopeOf(this: void, request: FastifyRequest): Scope;
}

/** Injection token of {@link QueryRetrieveConfig}. */
export const QUERY_RETRIEVE_CONFIG = Symbol('QueryRetrieveConfig');
/** Injection token of {@link QueryRetrievePorts}. */
export const QUERY_RETRIEVE_PORTS = Symbol('QueryRetrievePorts');
