/** A media type or media range with its parameters; names in lower case, several values of one parameter kept in order. */
export interface MediaType {
  /** For example `multipart/related` or `image/*`. */
  type: string;
  parameters: ReadonlyMap<string, readonly string[]>;
}

/** Characters of an RFC 9110 token. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Reads `type/subtype; name=value; name="value"` (RFC 9110 §8.3.1), tolerant as real clients need it: blanks around `=` and
 * `;`, a trailing semicolon, any case, unquoted values with `/`. Undefined for text that is no media type.
 *
 * @example parseMediaType('Multipart/Related; type = "application/dicom";')
 */
export function parseMediaType(text: string): MediaType | undefined {
  const [head, ...rest] = splitOutsideQuotes(text, ';');
  const type = (head ?? '').trim().toLowerCase();
  const [major, minor, ...more] = type.split('/');
  if (!TOKEN.test(major ?? '') || !TOKEN.test(minor ?? '') || more.length > 0) return undefined;
  const parameters = new Map<string, string[]>();
  for (const part of rest) {
    const at = part.indexOf('=');
    if (at < 0) continue;
    const name = part.slice(0, at).trim().toLowerCase();
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [unquoted(part.slice(at + 1).trim())]);
    else values.push(unquoted(part.slice(at + 1).trim()));
  }
  return { type, parameters };
}

/** The first value of a parameter, or undefined. */
export function parameterOf(mediaType: MediaType, name: string): string | undefined {
  return mediaType.parameters.get(name)?.[0];
}

/** Splits at a separator that is not inside a quoted string. */
export function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '\\' && quoted) index++;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The text of a quoted string, escapes undone; a token stays as it is. */
function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  const end = value.endsWith('"') && value.length > 1 ? value.length - 1 : value.length;
  return value.slice(1, end).replaceAll(/\\(.)/g, '$1');
}
