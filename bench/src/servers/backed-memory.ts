/** Keeps the cost of a virtual machine's memory out of the figures. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const WRITE_BYTES = 2 ** 20;

/**
 * Makes the host back this much of the free memory, by a file that is written to the page cache and removed before it reaches the
 * disk. A guest gives free pages back to its host within seconds; to have them again costs about 2 CPU seconds a GB, which whoever
 * writes next pays.
 */
export async function backFreeMemory(bytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-memory-'));
  try {
    const file = await open(join(folder, 'zeros'), 'w');
    const zeros = Buffer.alloc(WRITE_BYTES);
    for (let written = 0; written < bytes; written += WRITE_BYTES) await file.write(zeros);
    await file.close();
  } finally {
    await rm(folder, { recursive: true });
  }
}
