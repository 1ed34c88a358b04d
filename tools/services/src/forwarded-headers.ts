import type { IncomingMessage } from 'node:http';

/** Headers of one connection only (RFC 9110 §7.6.1). */
const OF_CONNECTION = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'transfer-encoding'];
const FORWARDING = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-prefix'];

/** A request's headers for the service behind, as a flat list: how it was reached is told by a trusted proxy in front, else by us. */
export function forwardedHeaders(request: IncomingMessage, isTrusted: boolean): string[] {
  const isForwarded = isTrusted && FORWARDING.some((name) => name in request.headers);
  const dropped = [...OF_CONNECTION, ...(isForwarded ? [] : FORWARDING)];
  const headers = without(request.rawHeaders, [...dropped, ...namedBy(request)]);
  if ('transfer-encoding' in request.headers) headers.push('Transfer-Encoding', 'chunked');
  if (isForwarded) return headers;
  headers.push('X-Forwarded-For', request.socket.remoteAddress ?? '', 'X-Forwarded-Proto', 'http');
  const host = hostOf(request);
  if (host !== undefined) headers.push('X-Forwarded-Host', host);
  return headers;
}

/** The Host header. Where it names our own address without a port, as Python's dicomweb-client does, the port is the one that was reached. */
function hostOf({ headers: { host }, socket }: IncomingMessage): string | undefined {
  return host !== undefined && host === socket.localAddress ? `${host}:${socket.localPort}` : host;
}

/** An answer's headers for the caller. */
export function returnedHeaders(answer: IncomingMessage): string[] {
  return without(answer.rawHeaders, [...OF_CONNECTION, ...namedBy(answer)]);
}

/** What `Connection` names is meant for the next hop only. */
function namedBy({ headers }: IncomingMessage): string[] {
  return (headers.connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}

function without(rawHeaders: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
    if (!names.includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
