import { ERROR_CODES } from '@cairn/core';
import { HTTP_STATUS, stowReasonOf } from '@cairn/dicomweb';
import { DIMSE_STATUS, STATUS } from '@cairn/dimse';
import { code, hex, table } from '../table.mjs';

/** Every error code with what it means and how each protocol answers it. */
export function errors() {
  const rows = Object.entries(ERROR_CODES).map(([name, meaning]) => [
    code(name),
    meaning,
    HTTP_STATUS[name].status,
    HTTP_STATUS[name].stowReason === undefined ? '' : hex(stowReasonOf(name)),
    hex(DIMSE_STATUS[name]),
  ]);
  return table(['Code', 'Meaning', 'HTTP', 'STOW reason', 'DIMSE'], rows);
}

/** The DIMSE statuses in use. */
export function dimseStatuses() {
  const words = (name) => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return table(
    ['Status', 'Meaning'],
    Object.entries(STATUS).map(([name, status]) => [hex(status), words(name)]),
  );
}
