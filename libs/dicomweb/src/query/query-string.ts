import { CairnError } from '@cairn/core';

/** One `name=value` of a query string, both decoded. */
export interface QueryParameter {
  name: string;
  value: string;
}

/** What names may consist of: anything else (`PatientName[$ne]`) is an attempt to smuggle structure in. */
const NAME = /^[A-Za-z0-9_.,~-]{1,512}$/;
const MAX_PARAMETERS = 500;

/**
 * Decodes the query string of a request line, without its `?`. A plus is a blank, as browsers and Python's clients write it, but
 * not in `accept`, where media types carry it raw. Throws `web.bad-request` for malformed escapes, bytes that are no UTF-8, NUL and
 * names with other characters than letters, digits and `_.,~-`.
 */
export function parseQueryString(raw: string): readonly QueryParameter[] {
  const pairs = raw.split('&').filter((pair) => pair !== '');
  if (pairs.length > MAX_PARAMETERS) throw new CairnError('web.bad-request', 'The query has too many parameters.');
  return pairs.map((pair) => {
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at), 'A parameter name');
    if (!NAME.test(name)) throw new CairnError('web.bad-request', 'A parameter name has characters that no attribute or option has.');
    const value = at < 0 ? '' : pair.slice(at + 1);
    const text = name.toLowerCase() === 'accept' ? value : value.replaceAll('+', ' ');
    return { name, value: decode(text, `The value of ${name}`, name) };
  });
}

/** The values of one parameter, its name in any case. */
export function valuesOf(parameters: readonly QueryParameter[], name: string): string[] {
  return parameters.filter((parameter) => parameter.name.toLowerCase() === name).map(({ value }) => value);
}

function decode(text: string, what: string, parameter?: string): string {
  const decoded = decodeUtf8(text);
  if (decoded !== undefined && !decoded.includes('\0')) return decoded;
  throw new CairnError('web.bad-request', `${what} has a malformed percent escape, bytes that are no UTF-8, or a NUL.`, {
    details: parameter === undefined ? {} : { parameter },
  });
}

function decodeUtf8(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
