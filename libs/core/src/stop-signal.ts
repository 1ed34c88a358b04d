/**
 * Resolves at the first SIGTERM or SIGINT, or when the program that started this process with an IPC channel is gone. A second signal ends
 * the process at once.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.once('SIGTERM', () => process.exit(1));
      process.once('SIGINT', () => process.exit(1));
      resolve();
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    if (process.connected) process.once('disconnect', stop);
  });
}
