import type { AttributeQuery, QueryAnswers } from '@cairn/archive';
import { CairnError } from '@cairn/core';
import type { DicomJson, Scope } from '@cairn/core';
import { encodeDataSet } from '@cairn/dicom';
import { STATUS, decodeQueryOptions } from '@cairn/dimse';
import type { Operation, ResponseStream } from '@cairn/dimse';
import type { QueryLevel } from '@cairn/metadata-store';
import { Inject } from '@nestjs/common';
import { FIND_MODELS } from '../association/sop-classes.ts';
import type { RetrieveLevel } from '../association/sop-classes.ts';
import type { GatewayConfig } from '../gateway.config.ts';
import { GATEWAY_CONFIG, GATEWAY_PORTS } from '../gateway.ports.ts';
import type { GatewayPorts } from '../gateway.ports.ts';
import { gatewayScope } from '../scope.ts';
import { answerIdentifier } from './answer.ts';
import { checkHierarchy, decodeIdentifier, levelOf, matchingKeys, requestedElements } from './identifier.ts';

/** Rows fetched at once: bounds memory, whatever the number of matches. */
const PAGE_SIZE = 200;

const DEFAULT_MAX_ANSWERS = 100_000;

const QUERY_LEVEL: Readonly<Record<RetrieveLevel, QueryLevel>> = {
  PATIENT: 'patient',
  STUDY: 'study',
  SERIES: 'series',
  IMAGE: 'instance',
};

/** C-FIND of the query/retrieve models, on the archive's query engine. */
export class FindScp {
  readonly #config: GatewayConfig;
  readonly #ports: GatewayPorts;
  readonly #scope: Scope;

  constructor(@Inject(GATEWAY_CONFIG) config: GatewayConfig, @Inject(GATEWAY_PORTS) ports: GatewayPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#scope = gatewayScope(config);
  }

  /** Yields FF00 for each match, FF01 where a key could not be matched; a wrong level, key or value throws its `query.*` error. */
  async *find(operation: Operation, bytes: Uint8Array): ResponseStream {
    const { abstractSyntaxUid, transferSyntaxUid } = operation.context;
    const identifier = decodeIdentifier(bytes, transferSyntaxUid);
    const model = FIND_MODELS.get(abstractSyntaxUid);
    if (!model) throw new CairnError('dimse.no-context', 'The SOP class has no C-FIND.');
    const level = levelOf(identifier, model);
    const options = decodeQueryOptions(operation.association.agreement.extendedNegotiations.get(abstractSyntaxUid));
    if (!options.relational) checkHierarchy(identifier, model, level);
    const query = queryOf(identifier, level, options.fuzzyNames, options.combinedDateTime);
    const form = { level, aeTitle: this.#config.aeTitle, identifier };
    const limit = this.#config.maxFindAnswers ?? DEFAULT_MAX_ANSWERS;
    let answered = 0;
    for await (const { page, allKeysMatched } of this.#pages(query, operation.signal)) {
      for (const answer of page.answers) {
        if (answered === limit) return { status: STATUS.outOfResources, errorComment: `More than ${limit} matches.` };
        answered += 1;
        const status = allKeysMatched ? STATUS.pending : STATUS.pendingOptionalKey;
        yield { status, identifier: encodeDataSet(answerIdentifier(form, answer), transferSyntaxUid) };
      }
    }
    return { status: STATUS.success };
  }

  /** Keyset pages in the engine's order. A key that the engine does not know restricts nothing (FF01). */
  async *#pages(first: AttributeQuery, signal: AbortSignal): AsyncGenerator<{ page: QueryAnswers; allKeysMatched: boolean }> {
    let query = first;
    for (let more = true; more;) {
      const { page, used } = await this.#queryKnown(query, signal);
      yield { page, allKeysMatched: used.keys.length === first.keys.length };
      const cursor = page.answers.at(-1)?.cursor;
      more = page.more && cursor !== undefined;
      if (cursor !== undefined) query = { ...used, after: cursor };
    }
  }

  async #queryKnown(query: AttributeQuery, signal: AbortSignal): Promise<{ page: QueryAnswers; used: AttributeQuery }> {
    for (let used = query; ;) {
      try {
        return { page: await this.#ports.queries.query(this.#scope, used, signal), used };
      } catch (error) {
        const keys = CairnError.is(error, 'query.unknown-attribute') ? withoutUnknown(used, error) : used.keys;
        if (keys.length === used.keys.length) throw error;
        used = { ...used, keys };
      }
    }
  }
}

function queryOf(identifier: DicomJson, level: RetrieveLevel, fuzzy: boolean, combineDateTime: boolean): AttributeQuery {
  const keys = matchingKeys(identifier);
  const include = requestedElements(identifier).map(([tag]) => tag);
  return { level: QUERY_LEVEL[level], keys, include, fuzzy, combineDateTime, limit: PAGE_SIZE, offset: 0 };
}

function withoutUnknown(query: AttributeQuery, error: CairnError): AttributeQuery['keys'] {
  const attribute = String(error.details['attribute'] ?? '');
  return query.keys.filter(({ path }) => path.at(-1) !== attribute && path.join('.') !== attribute);
}
