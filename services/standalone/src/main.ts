/** The `cairn` command. The only file that reads the environment. */
// File and DNS work shares libuv's pool: four threads are fewer than one flush round can use. Must be set before its first use.
process.env['UV_THREADPOOL_SIZE'] ??= '8';

const { runCommandLine } = await import('./command-line.ts');
// Whatever the drain had to cut off (a connection to a server that does not answer) must not keep the process.
process.exit(await runCommandLine(process.argv.slice(2), process.env));
