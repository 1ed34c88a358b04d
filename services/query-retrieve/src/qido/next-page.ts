/**
 * A Link header value (RFC 8288) for the next page: the same address and parameters, with the cursor in place of an earlier
 * cursor or offset.
 */
export function nextPageLink(url: string, rawQuery: string, cursor: string): string {
  const kept = rawQuery.split('&').filter((pair) => pair !== '' && !/^(?:cursor|offset)(?:=|$)/i.test(pair));
  const query = [...kept, `cursor=${cursor}`].join('&').replaceAll(/[<>"\\^`{|}\s]/g, (character) => encodeURIComponent(character));
  return `<${url}?${query}>; rel="next"`;
}
