export { startServices } from './start-services.ts';
export type { RunningServices } from './start-services.ts';
export type { ServiceProcess } from './service-process.ts';
export type { Replicas, ServiceName } from './replicas.ts';
