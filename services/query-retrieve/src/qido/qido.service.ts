import { Inject, Injectable } from '@nestjs/common';
import { CairnError } from '@cairn/core';
import type { DicomJson, Scope } from '@cairn/core';
import type { AttributeQuery, QueryAnswer, QueryAnswers } from '@cairn/archive';
import type { QidoQuery } from '@cairn/dicomweb';
import { QUERY_RETRIEVE_CONFIG, QUERY_RETRIEVE_PORTS } from '../query-retrieve.tokens.ts';
import type { QueryRetrieveConfig, QueryRetrievePorts } from '../query-retrieve.tokens.ts';
import { urlOf } from '../http/web-request.ts';

/** Levels at which QIDO-RS searches. */
export type SearchLevel = 'study' | 'series' | 'instance';

/** Where a search takes place: the UIDs of the path. */
export interface SearchPlace {
  level: SearchLevel;
  studyInstanceUid?: string;
  seriesInstanceUid?: string;
}

/** One page of results. */
export interface SearchPage {
  dataSets: readonly DicomJson[];
  /** Continues behind the last result; absent when there are no more. */
  nextCursor?: string;
  /** Sentences for Warning headers. */
  warnings: readonly string[];
}

const STUDY_INSTANCE_UID = '0020000D';
const SERIES_INSTANCE_UID = '0020000E';
const RETRIEVE_URL = '00081190';

/** Puts QIDO-RS queries to the archive's query engine, within the limits of the configuration. */
@Injectable()
export class QidoService {
  readonly #config: QueryRetrieveConfig;
  readonly #ports: QueryRetrievePorts;

  constructor(@Inject(QUERY_RETRIEVE_CONFIG) config: QueryRetrieveConfig, @Inject(QUERY_RETRIEVE_PORTS) ports: QueryRetrievePorts) {
    this.#config = config;
    this.#ports = ports;
  }

  /** One page of the query's results; `base` is the public base URL. Throws as the query engine does. */
  async search(scope: Scope, place: SearchPlace, query: QidoQuery, base: string, signal: AbortSignal): Promise<SearchPage> {
    const limit = this.#limitOf(place, query);
    const page = await this.#ports.queries.query(scope, attributeQuery(place, query, limit), signal).catch((error: unknown) => {
      throw namedAsWritten(error, query);
    });
    const wasCut = page.more && query.limit !== limit;
    const nextCursor = page.more ? cursorOf(page) : undefined;
    return {
      dataSets: page.answers.map((answer) => withRetrieveUrl(base, answer)),
      ...(nextCursor === undefined ? {} : { nextCursor }),
      warnings: wasCut
        ? [...query.warnings, `The answer was cut after ${limit} results; further results can be requested`]
        : query.warnings,
    };
  }

  #limitOf(place: SearchPlace, query: QidoQuery): number {
    const { defaultLimit, maxLimit } = this.#config;
    return Math.min(query.limit ?? (place.studyInstanceUid === undefined ? defaultLimit : maxLimit), maxLimit);
  }
}

function attributeQuery({ level, ...place }: SearchPlace, query: QidoQuery, limit: number): AttributeQuery {
  const fromPath = [
    { tag: STUDY_INSTANCE_UID, value: place.studyInstanceUid },
    { tag: SERIES_INSTANCE_UID, value: place.seriesInstanceUid },
  ].flatMap(({ tag, value }) => (value === undefined ? [] : [{ path: [tag] as const, vr: 'UI', value }]));
  return {
    level,
    keys: [...fromPath, ...query.keys.map(({ name: _name, ...key }) => key)],
    include: query.include,
    fuzzy: query.fuzzy,
    combineDateTime: true,
    emptyValueMatching: query.emptyValueMatching,
    limit,
    offset: query.offset,
    root: fromPath.length === 0,
    ...(query.cursor === undefined ? {} : { after: decodeCursor(query.cursor) }),
  };
}

/** The same error, but naming the parameter as the client wrote it, where the engine names its tag. */
function namedAsWritten(error: unknown, query: QidoQuery): unknown {
  if (!CairnError.is(error)) return error;
  const { attribute } = error.details;
  const name = query.keys.find(({ path }) => path.some((tag) => tag === attribute))?.name;
  if (name === undefined) return error;
  return new CairnError(error.code, error.message, { details: { ...error.details, parameter: name }, cause: error });
}

/** The engine's cursor may hold any character; in a URL it is base64url. */
function cursorOf({ answers }: QueryAnswers): string | undefined {
  const last = answers.at(-1);
  return last === undefined ? undefined : Buffer.from(last.cursor).toString('base64url');
}

function decodeCursor(cursor: string): string {
  const decoded = Buffer.from(cursor, 'base64url').toString();
  if (Buffer.from(decoded).toString('base64url') === cursor) return decoded;
  throw new CairnError('query.invalid-paging', 'The page cursor is malformed.', { details: { parameter: 'cursor' } });
}

function withRetrieveUrl(base: string, { attributes, ...uids }: QueryAnswer): DicomJson {
  const { studyInstanceUid } = uids;
  if (studyInstanceUid === undefined) return attributes;
  return { ...attributes, [RETRIEVE_URL]: { vr: 'UR', Value: [urlOf(base, { ...uids, studyInstanceUid })] } };
}
