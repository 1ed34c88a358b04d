import { SETTINGS } from '@cairn/config';
import { code, table } from '../table.mjs';

/** Every setting with its default and what it does. */
export function settings() {
  const fallback = (setting) => ('default' in setting ? code(setting.default) || 'empty' : 'none');
  return table(
    ['Setting', 'Default', 'What it does'],
    Object.entries(SETTINGS).map(([name, setting]) => [code(name), fallback(setting), setting.description]),
  );
}
