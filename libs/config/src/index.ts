export { loadConfig } from './load.ts';
export { SETTINGS } from './settings.ts';
export type { CairnConfig, SettingName } from './settings.ts';
export { addressMatcher, isLoopback } from './values.ts';
export type { DicomCaller, DicomPeer } from './values.ts';
