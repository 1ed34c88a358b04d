export { aReceipt, json, ulidOf } from './contract-receipts.ts';
export type { ReceiptSpec } from './contract-receipts.ts';
