/** A Markdown table of a heading row and rows of cells. */
export function table(heading, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text in a monospaced face; nothing for an empty one. */
export function code(text) {
  return text === '' ? '' : `\`${text}\``;
}

/** A 16-bit status as the standard writes it. */
export function hex(status) {
  return code(`${status.toString(16).toUpperCase().padStart(4, '0')}`);
}
