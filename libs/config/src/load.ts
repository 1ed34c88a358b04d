import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { CairnError, systemErrorCode } from '@cairn/core';
import { SETTINGS } from './settings.ts';
import type { CairnConfig, SettingName } from './settings.ts';
import { isLoopback } from './values.ts';

/** Names in the environment that are not the archive's settings: where to find the YAML file, and what only the tools and tests read. */
const OTHER_NAMES = new Set(['CAIRN_CONFIG', 'CAIRN_CORPUS', 'CAIRN_CACHE', 'CAIRN_REPLICAS']);

/**
 * Reads the configuration from the environment and the YAML file that `CAIRN_CONFIG` names; the environment wins.
 * Throws one `config.invalid` whose message names every problem, never a value.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): CairnConfig {
  const problems: string[] = [];
  const given = { ...readYaml(environment['CAIRN_CONFIG']), ...cairnEntries(environment) };
  for (const name of Object.keys(given)) if (!(name in SETTINGS)) problems.push(`${name} is not a setting${suggestion(name)}`);
  const config: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const text = given[name] ?? ('default' in setting ? setting.default : undefined);
    if (text === undefined) continue;
    const result = setting.schema.safeParse(text);
    if (result.success) config[name] = result.data;
    else problems.push(`${name}: ${result.error.issues[0]!.message}`);
  }
  if (problems.length === 0) problems.push(...contradictions(config as CairnConfig));
  if (problems.length > 0) throw new CairnError('config.invalid', `Configuration: ${problems.join('; ')}.`);
  return config as CairnConfig;
}

function contradictions(config: CairnConfig): string[] {
  const problems: string[] = [];
  if (!isLoopback(config.CAIRN_HOST) && !config.CAIRN_INSECURE) {
    problems.push('CAIRN_HOST is not a loopback address and there is no authentication yet (CAIRN_INSECURE=1 overrides)');
  }
  const tls: SettingName[] = ['CAIRN_DICOM_TLS_PORT', 'CAIRN_DICOM_TLS_CERT', 'CAIRN_DICOM_TLS_KEY'];
  const missing = tls.filter((name) => config[name] === undefined);
  const wantsTls = missing.length < tls.length || config.CAIRN_DICOM_TLS_CLIENT_CA !== undefined;
  if (wantsTls && missing.length > 0) problems.push(`DICOM TLS also needs ${missing.join(' and ')}`);
  return problems;
}

function cairnEntries(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[0].startsWith('CAIRN_') && !OTHER_NAMES.has(entry[0]) && entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}

function readYaml(file: string | undefined): Record<string, string> {
  if (file === undefined || file === '') return {};
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = systemErrorCode(error)?.startsWith('E') ? 'cannot be read' : 'is not valid YAML';
    throw new CairnError('config.invalid', `Configuration: the file that CAIRN_CONFIG names ${reason}.`, { cause: error });
  }
  if (content === null || content === undefined) return {};
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new CairnError('config.invalid', 'Configuration: the file that CAIRN_CONFIG names must hold a map of settings.');
  }
  return Object.fromEntries(Object.entries(content).map(([name, value]) => [name, yamlText(name, value)]));
}

/** YAML scalars and lists of them as the same text that the environment would hold. */
function yamlText(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((entry) => yamlText(name, entry)).join(',');
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new CairnError('config.invalid', `Configuration: ${name}: must be a text, a number, a boolean or a list of them.`);
}

/** Names the setting that an unknown one probably meant. */
function suggestion(unknown: string): string {
  const near = Object.keys(SETTINGS).find((name) => editDistance(name, unknown) <= 2);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[right.length]!;
}
