import { CairnError } from '@cairn/core';
import type { Scope } from '@cairn/core';
import type { MetadataStore } from '@cairn/metadata-store';
import type { AttributeQuery, QueryAnswers, QueryEngine } from './attribute-query.ts';
import { clausesOf } from './key-clauses.ts';
import { answerOf, answerShape } from './query-answer.ts';

/** Bounds of the planner. */
export interface QueryPlannerConfig {
  /** Most answers of one page; a greater limit is cut to it. Default 10,000. */
  maxLimit?: number;
}

const DEFAULT_MAX_LIMIT = 10_000;

/**
 * The query engine on a metadata store. Keys of levels above the one asked for are matched on their documents (relational
 * queries). Keys of levels below: UIDs select what contains them; attributes of series match if any series of the study
 * does, SOPClassUID if any instance does; all others are matched on the representative instance.
 *
 * @example
 * const planner = new QueryPlanner(store);
 * const { answers } = await planner.query(scope, { level: 'study', keys: [{ path: ['00100010'], value: 'DOE*' }], … });
 */
export class QueryPlanner implements QueryEngine {
  readonly #store: MetadataStore;
  readonly #maxLimit: number;

  constructor(store: MetadataStore, { maxLimit = DEFAULT_MAX_LIMIT }: QueryPlannerConfig = {}) {
    this.#store = store;
    this.#maxLimit = maxLimit;
  }

  async query(scope: Scope, query: AttributeQuery, signal?: AbortSignal): Promise<QueryAnswers> {
    checkPaging(query);
    const shape = answerShape(query);
    const plan = {
      level: query.level,
      clauses: clausesOf(query),
      limit: Math.min(query.limit, this.#maxLimit),
      offset: query.offset,
      ...(query.after === undefined ? {} : { after: query.after }),
      withHeader: shape.withHeader,
      withPatient: shape.withPatient,
    };
    const { rows, more } = await this.#store.query(scope, plan, signal);
    return { answers: rows.map((row) => answerOf(row, shape)), more };
  }
}

function checkPaging({ limit, offset, after }: AttributeQuery): void {
  if (!Number.isSafeInteger(limit) || limit < 1) throw invalidPaging('limit', 'limit is a whole number from 1.');
  if (!Number.isSafeInteger(offset) || offset < 0) throw invalidPaging('offset', 'offset is a whole number from 0.');
  if (after !== undefined && offset > 0) throw invalidPaging('offset', 'A page cursor and an offset exclude each other.');
}

function invalidPaging(parameter: string, message: string): CairnError {
  return new CairnError('query.invalid-paging', message, { details: { parameter } });
}
