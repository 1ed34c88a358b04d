import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { DicomJson } from '@cairn/core';
import mongoose from 'mongoose';
import type { InstanceReceipt } from '../documents.ts';
import { splitByLevel } from '../levels.ts';
import type { InstanceParts, RetrievableInstance } from '../metadata-store.ts';
import type { QueryLevel } from '../query.ts';
import type { Collections, StoredTexts } from './collections.ts';
import { insertNew } from './derive-documents.ts';
import { idOf } from './keys.ts';

const compress = promisify(deflateRaw);
const expand = promisify(inflateRaw);
type Texts = Pick<RetrievableInstance, 'header' | 'bulk' | 'pixels'>;

/** What derived documents need of a receipt. */
export interface ParsedReceipt {
  byLevel: Readonly<Record<QueryLevel, DicomJson>>;
  defaultIssuer: string;
}

/** Adds the texts of receipts; those already there stay. */
export async function writeTexts(texts: Collections['receiptTexts'], tenant: string, receipts: readonly InstanceReceipt[]): Promise<void> {
  const documents = receipts.map(async ({ ulid, header, bulk, pixels, defaultIssuer }): Promise<StoredTexts> => ({
    _id: idOf(tenant, ulid),
    defaultIssuer,
    header: await binary(header),
    bulk: await binary(bulk),
    ...(pixels !== undefined && { pixels: await binary(pixels) }),
  }));
  await insertNew(texts, await Promise.all(documents));
}

/** The texts asked for, by the receipts' ULIDs; a receipt without texts is left out. */
export async function readTexts(
  texts: Collections['receiptTexts'],
  tenant: string,
  ulids: readonly string[],
  parts: InstanceParts,
): Promise<ReadonlyMap<string, Texts>> {
  const wanted = (['header', 'bulk', 'pixels'] as const).filter((part) => parts[part] === true);
  if (wanted.length === 0 || ulids.length === 0) return new Map();
  const projection = Object.fromEntries(wanted.map((part) => [part, 1]));
  const found = await texts.find({ _id: { $in: ulids.map((ulid) => idOf(tenant, ulid)) } }, { projection }).toArray();
  const entries = found.map(async (stored) => {
    const members = wanted.map(async (part) => [part, await text(stored[part])] as const);
    const present = (await Promise.all(members)).filter(([, value]) => value !== undefined);
    return [stored._id.slice(tenant.length + 1), Object.fromEntries(present) as Texts] as const;
  });
  return new Map(await Promise.all(entries));
}

/** Headers parsed during one call, by receipt. */
export class ParsedReceipts {
  readonly #texts: Collections['receiptTexts'];
  readonly #tenant: string;
  readonly #parsed = new Map<string, ParsedReceipt>();

  constructor(texts: Collections['receiptTexts'], tenant: string) {
    this.#texts = texts;
    this.#tenant = tenant;
  }

  /** Keeps a header that was parsed anyway. */
  remember(ulid: string, header: DicomJson, defaultIssuer: string): void {
    this.#parsed.set(ulid, { byLevel: splitByLevel(header), defaultIssuer });
  }

  /** Reads the headers back that this call did not bring. */
  async load(ulids: readonly string[]): Promise<void> {
    const missing = ulids.filter((ulid) => !this.#parsed.has(ulid));
    if (missing.length === 0) return;
    const ids = missing.map((ulid) => idOf(this.#tenant, ulid));
    for (const stored of await this.#texts.find({ _id: { $in: ids } }).toArray()) await this.#take(stored);
  }

  /** The parsed header; undefined when it was not loaded, or its receipt is gone since. */
  get(ulid: string): ParsedReceipt | undefined {
    return this.#parsed.get(ulid);
  }

  async #take({ _id, header, defaultIssuer }: StoredTexts): Promise<void> {
    this.remember(_id.slice(this.#tenant.length + 1), JSON.parse((await text(header))!) as DicomJson, defaultIssuer);
  }
}

async function binary(value: string): Promise<mongoose.mongo.Binary> {
  return new mongoose.mongo.Binary(await compress(value, { level: 1 }));
}

async function text(value: mongoose.mongo.Binary | undefined): Promise<string | undefined> {
  return value && (await expand(value.buffer)).toString();
}
