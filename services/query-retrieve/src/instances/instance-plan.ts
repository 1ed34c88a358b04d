import { CairnError } from '@cairn/core';
import type { InstanceRetriever } from '@cairn/archive';
import { DICOM_FILE, chooseTransferSyntax } from '@cairn/dicomweb';
import type { InstanceChoice } from '@cairn/dicomweb';
import type { RetrievableInstance } from '@cairn/metadata-store';

/** Instances that are looked at before the first byte is sent; answers with more have no Content-Length. */
const LOOK_AHEAD = 4_096;

/** How the instances of an answer are sent. */
export interface InstancePlan {
  multipart: boolean;
  /** The instances in order. */
  instances: AsyncIterable<RetrievableInstance>;
  /** The same instances when all of them are known beforehand. */
  known?: readonly RetrievableInstance[];
  /** The transfer syntax to ask for, `*` as stored. Throws `web.not-acceptable` for an instance that fits no choice. */
  wanted(this: void, instance: RetrievableInstance): string;
}

/** Takes the first choice that all instances, as far as they are looked at, can meet. Throws `web.not-acceptable` when none can. */
export async function planInstances(
  instances: AsyncIterable<RetrievableInstance>,
  choices: readonly InstanceChoice[],
  retriever: InstanceRetriever,
): Promise<InstancePlan> {
  const iterator = instances[Symbol.asyncIterator]();
  const ahead: RetrievableInstance[] = [];
  let isWhole = false;
  while (!isWhole && ahead.length < LOOK_AHEAD) {
    const next = await iterator.next();
    if (next.done === true) isWhole = true;
    else ahead.push(next.value);
  }
  const canGive = (stored: string, wanted: string): boolean => retriever.canGive(stored, wanted);
  const syntaxFor = (choice: InstanceChoice, { version }: RetrievableInstance): string | undefined =>
    chooseTransferSyntax(choice, version.transferSyntaxUid, canGive);
  const choice = choices.find((candidate) => ahead.every((instance) => syntaxFor(candidate, instance) !== undefined));
  if (choice === undefined) {
    await iterator.return?.();
    throw notGiven();
  }
  const wanted = (instance: RetrievableInstance): string => {
    const syntax = syntaxFor(choice, instance);
    if (syntax === undefined) throw notGiven();
    return syntax;
  };
  return { multipart: choice.multipart, instances: followedBy(ahead, iterator), wanted, ...(isWhole ? { known: ahead } : {}) };
}

/** Content-Type of an instance in a transfer syntax. */
export function instanceType(transferSyntaxUid: string): string {
  return `${DICOM_FILE}; transfer-syntax=${transferSyntaxUid}`;
}

/** The size and syntax of an instance that is given as it is stored; undefined when it is converted or gets meta information. */
export function asStored({ version }: RetrievableInstance, wanted: string): { transferSyntaxUid: string; sizeBytes: number } | undefined {
  const { transferSyntaxUid, dataSetOffset, location } = version;
  const isSame = wanted === '*' || wanted === transferSyntaxUid;
  return isSame && dataSetOffset > 0 ? { transferSyntaxUid, sizeBytes: location.length } : undefined;
}

async function* followedBy<T>(first: readonly T[], rest: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    yield* first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

function notGiven(): CairnError {
  return new CairnError('web.not-acceptable', 'The instances cannot be given in any of the accepted transfer syntaxes.');
}
