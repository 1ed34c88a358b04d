/** Keeps the cost of a virtual machine's memory out of the figures. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const WRITE_BYTES = 2 ** 20;

/**
 * Makes the host back this much of the free memory, by a file that is written to the page cache and removed before it reaches the
 * disk. A guest gives free pages back to its host within seconds; to have them again costs about 2 CPU seconds a GB, which whoever
 * writes next pays.
 */
export function backFreeMemory(bytes: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-bench-memory-'));
  try {
    const file = openSync(join(folder, 'zeros'), 'w');
    const zeros = Buffer.alloc(WRITE_BYTES);
    for (let written = 0; written < bytes; written += WRITE_BYTES) writeSync(file, zeros);
    closeSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
