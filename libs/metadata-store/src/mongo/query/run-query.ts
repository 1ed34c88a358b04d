import type { DicomJson } from '@cairn/core';
import type { QueryPage, QueryPlan, QueryRow } from '../../query.ts';
import type { Collections, StoredPatient } from '../collections.ts';
import { instanceDocumentOf } from '../instances.ts';
import { patientDocumentOf, seriesDocumentOf, studyDocumentOf } from '../read-documents.ts';
import { readTexts } from '../receipt-texts.ts';
import { Predicates, receiptOfCandidate } from './candidates.ts';
import type { Candidate } from './candidates.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { isOnUids, resolveUids } from './known-uids.ts';
import { narrow } from './narrowing.ts';
import type { FrequencyTables } from './token-frequencies.ts';
import { walk } from './walk.ts';

/**
 * Runs a plan: one index finds candidates in order, predicates decide. Ends with the reason of an aborted signal between two reads.
 * @param tenant - undefined when the caller may see nothing
 */
export async function runQuery(
  collections: Collections,
  tables: FrequencyTables,
  tenant: string | undefined,
  plan: QueryPlan,
  signal: AbortSignal | undefined,
): Promise<QueryPage> {
  signal?.throwIfAborted();
  const after = plan.after === undefined ? undefined : decodeCursor(plan.level, plan.after);
  if (tenant === undefined) return { rows: [], more: false };
  const known = plan.level === 'patient' ? {} : await resolveUids(collections, tenant, plan);
  const open = plan.level === 'patient' ? plan.clauses : plan.clauses.filter((clause) => !isOnUids(clause));
  const predicates = new Predicates(collections, tenant, plan.level, open);
  const skip = plan.clauses.length === 0 && (plan.level === 'study' || plan.level === 'patient') ? plan.offset : 0;
  const narrowing = narrow(plan, await tables.of(tenant));
  const matches: Candidate[] = [];
  let toSkip = plan.offset - skip;
  for await (const page of walk(collections, { tenant, plan, narrowing, known, after, skip })) {
    signal?.throwIfAborted();
    const kept = await predicates.keep(page);
    matches.push(...kept.slice(toSkip));
    toSkip = Math.max(0, toSkip - kept.length);
    if (matches.length > plan.limit) break;
  }
  const rows = await rowsOf(collections, tenant, plan, matches.slice(0, plan.limit));
  return { rows, more: matches.length > plan.limit };
}

async function rowsOf(
  { receiptTexts, patients }: Collections,
  tenant: string,
  plan: QueryPlan,
  matches: readonly Candidate[],
): Promise<readonly QueryRow[]> {
  const texts = await readTexts(receiptTexts, tenant, matches.map(receiptOfCandidate), { header: plan.withHeader });
  const wanted = plan.withPatient ? matches.flatMap(({ study }) => study?.patient ?? []) : [];
  const found = wanted.length === 0 ? [] : await patients.find({ _id: { $in: wanted } }, { projection: { tokens: 0 } }).toArray();
  const patientById = new Map(found.map((patient) => [patient._id, patient]));
  return matches.map((match) => {
    const header = texts.get(receiptOfCandidate(match))?.header;
    const patient = match.patient ?? patientById.get(match.study!.patient!);
    return { ...documentsOf(match, patient), ...(header !== undefined && { header: JSON.parse(header) as DicomJson }) };
  });
}

function documentsOf({ key, study, series, instance }: Candidate, patient: StoredPatient | undefined): QueryRow {
  const documents = {
    patient: patient && patientDocumentOf(patient),
    study: study && studyDocumentOf(study),
    series: series && seriesDocumentOf(series),
    instance: instance && instanceDocumentOf(instance),
    attributes: instance && (JSON.parse(instance.attributes!) as DicomJson),
  };
  const present = Object.entries(documents).filter(([, document]) => document !== undefined);
  return { cursor: encodeCursor(key), ...(Object.fromEntries(present) as Omit<QueryRow, 'cursor'>) };
}
