import type { DicomJson } from '@cairn/core';
import type { ReceiptRecord } from '../documents.ts';
import { splitByLevel } from '../levels.ts';
import type { QueryLevel } from '../query.ts';
import type { Database } from './database.ts';

/** What the aggregates need of a receipt. */
export interface ParsedReceipt {
  byLevel: Readonly<Record<QueryLevel, DicomJson>>;
  defaultIssuer: string;
}

/** Headers parsed during one transaction, by receipt row. */
export class ParsedReceipts {
  readonly #db: Database;
  readonly #parsed = new Map<number, ParsedReceipt>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Keeps a header that was parsed anyway. */
  remember(receipt: number, header: DicomJson, defaultIssuer: string): ParsedReceipt {
    const parsed = { byLevel: splitByLevel(header), defaultIssuer };
    this.#parsed.set(receipt, parsed);
    return parsed;
  }

  /** The receipt's header, read back where this transaction did not bring it. */
  get(receipt: number): ParsedReceipt {
    const known = this.#parsed.get(receipt);
    if (known !== undefined) return known;
    const row = this.#db.get<{ record: string; header: string }>(
      'SELECT record, header FROM receipts JOIN receipt_texts USING (id) WHERE id = ?',
      receipt,
    )!;
    return this.remember(receipt, JSON.parse(row.header) as DicomJson, (JSON.parse(row.record) as ReceiptRecord).defaultIssuer);
  }
}
