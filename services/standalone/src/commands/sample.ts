import { join } from 'node:path';
import { writeSample } from '@cairn/composition';
import type { CairnConfig } from '@cairn/config';

/** `cairn sample`: writes the sample study's files and says where. */
export async function sample(config: CairnConfig, folder = join(config.CAIRN_DATA_DIR, 'sample')): Promise<number> {
  const path = writeSample(folder);
  process.stdout.write(`Sample study written to ${path}\n`);
  return Promise.resolve(0);
}
