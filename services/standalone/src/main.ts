/** The `cairn` command. The only file that reads the environment. */
// File and DNS work shares libuv's pool: four threads are fewer than one flush round can use. Must be set before its first use.
process.env['UV_THREADPOOL_SIZE'] ??= '8';

const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(process.argv.slice(2), process.env);
