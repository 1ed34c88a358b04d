export { createHttpApp, publicBaseUrl } from './http-app.ts';
export type { HttpAppOptions } from './http-app.ts';
export { HealthModule } from './health.module.ts';
export type { HealthOptions, ReadinessCheck } from './health.module.ts';
export type { PublicUrlOptions } from './public-url.ts';
export { BASE_PATH, runService } from './service-host.ts';
export type { ServiceOptions } from './service-host.ts';
