export { serverForTests, startServer } from './start-server.ts';
export type { StartOptions } from './start-server.ts';
export { freePorts } from './ports.ts';
export type { RunningServer } from './server-process.ts';
export type { ServerName } from './server-definition.ts';
export { Unavailable } from './toolchain.ts';
