import type mongoose from 'mongoose';
import type { Derived } from '../collections.ts';
import type { Narrowing, Source } from './narrowing.ts';

/** Documents read at once: few at first, because most queries are answered by them, more when they do not match. */
const FIRST_DOCUMENTS = 32;
const MOST_DOCUMENTS = 1000;
/** Skips above a 32-bit number are refused by the protocol. */
const MOST_SKIPPED = 2 ** 31 - 1;

/** A page is asked for. */
export interface PageRequest {
  tenant: string;
  narrowing: Narrowing;
  /** Only documents after this `order`; `inclusive`: from it on. */
  after?: string | undefined;
  inclusive: boolean;
  skip: number;
  /** Matches that are wanted. */
  wanted: number;
  projection: Readonly<Record<string, 0 | 1>>;
}

interface Ordered extends Derived {
  order?: string;
}

/** Pages of the documents that can match, in order. */
export async function* orderedPages<T extends Ordered>(
  collection: mongoose.mongo.Collection<T>,
  { tenant, narrowing, after, inclusive, skip, wanted, projection }: PageRequest,
): AsyncGenerator<readonly T[]> {
  let from = after === undefined || narrowing.from > after ? { $gte: narrowing.from } : behind(after, inclusive);
  let limit = Math.max(FIRST_DOCUMENTS, Math.min(wanted, MOST_DOCUMENTS));
  let skipped = Math.min(skip, MOST_SKIPPED);
  const documents = collection as unknown as mongoose.mongo.Collection<Ordered & mongoose.mongo.Document>;
  for (;;) {
    const filter = { tenant, ...conditionOf(narrowing.source), order: { ...from, $lt: narrowing.to } };
    const page = await documents.find(filter, { projection, sort: { order: 1 }, skip: skipped, limit }).toArray();
    yield page as unknown as readonly T[];
    if (page.length < limit) return;
    from = { $gt: page.at(-1)!.order! };
    skipped = 0;
    limit = Math.min(limit * 4, MOST_DOCUMENTS);
  }
}

function behind(order: string, inclusive: boolean): { $gt: string } | { $gte: string } {
  return inclusive ? { $gte: order } : { $gt: order };
}

/** One index answers: what stands outside it is left to the predicates. */
function conditionOf(source: Source): Readonly<Record<string, unknown>> {
  if (source.field === 'order') return {};
  if ('values' in source) return { [source.field]: oneOf(source.values) };
  if ('any' in source) return { tokens: oneOf(source.any) };
  const [rarest, ...others] = source.all;
  return { tokens: rarest, ...(others.length > 0 && { $and: others.map((tokens) => ({ tokens })) }) };
}

function oneOf(values: readonly string[]): unknown {
  return values.length === 1 ? values[0] : { $in: values };
}
