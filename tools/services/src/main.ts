/** `npm run start:services`: the archive as services on this machine, until SIGTERM or SIGINT. */
import { banner } from '@cairn/composition';
import { CairnError, errorMessage, stopSignal } from '@cairn/core';
import { startServices } from './start-services.ts';

process.exit(await run());

async function run(): Promise<number> {
  const stopRequested = stopSignal();
  try {
    const services = await startServices(process.env);
    process.stdout.write(banner(services.reach));
    await stopRequested;
    await services.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`cairn: ${errorMessage(error) ?? 'unexpected failure'}\n`);
    return CairnError.is(error, 'config.invalid') ? 78 : 1;
  }
}
