import type { FastifyRequest } from 'fastify';
import { addressMatcher } from '@cairn/config';

/** How the archive is reached from outside. */
export interface PublicUrlOptions {
  /** Origin and optional path in front of the base path, fixed by configuration. */
  publicUrl?: string;
  /** Addresses of proxies whose forwarding headers count. */
  trustedProxies: readonly string[];
  /** For example `/dicom-web`. */
  basePath: string;
}

const HOST = /^(?:[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const PREFIX = /^(?:\/[A-Za-z0-9._~-]+)*\/?$/;

/** Makes the function that gives a request's public base URL, without a trailing slash, e.g. `https://pacs.example.org/dicom-web`. */
export function publicUrlResolver(options: PublicUrlOptions): (request: FastifyRequest) => string {
  if (options.publicUrl !== undefined) {
    const fixed = options.publicUrl.replace(/\/+$/, '') + options.basePath;
    return () => fixed;
  }
  const isTrusted = addressMatcher(options.trustedProxies);
  return (request) => {
    const socket = request.raw.socket;
    const forwarded = isTrusted(socket.remoteAddress ?? '') ? forwardedBy(request.headers) : {};
    const scheme = forwarded.scheme ?? ('encrypted' in socket ? 'https' : 'http');
    const host = [forwarded.host, directHost(request)].find((candidate) => candidate !== undefined && HOST.test(candidate));
    const prefix = forwarded.prefix !== undefined && PREFIX.test(forwarded.prefix) ? forwarded.prefix.replace(/\/$/, '') : '';
    return `${scheme}://${host ?? localHost(socket)}${prefix}${options.basePath}`;
  };
}

interface Forwarded {
  scheme?: string;
  host?: string;
  prefix?: string;
}

/** RFC 7239, or the older X-Forwarded headers; of several entries the last, which the trusted neighbour wrote. */
function forwardedBy(headers: FastifyRequest['headers']): Forwarded {
  const standard = lastOf(headers['forwarded']);
  if (standard !== undefined) {
    const pairs = new Map(standard.split(';').map((pair) => pairOf(pair)));
    return known({ scheme: schemeOf(pairs.get('proto')), host: pairs.get('host') });
  }
  return known({
    scheme: schemeOf(lastOf(headers['x-forwarded-proto'])),
    host: lastOf(headers['x-forwarded-host']),
    prefix: lastOf(headers['x-forwarded-prefix']),
  });
}

function known(values: { [Key in keyof Forwarded]: string | undefined }): Forwarded {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function pairOf(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [
    pair.slice(0, at).trim().toLowerCase(),
    pair
      .slice(at + 1)
      .trim()
      .replaceAll('"', ''),
  ];
}

function schemeOf(text: string | undefined): string | undefined {
  return text === 'https' || text === 'http' ? text : undefined;
}

/**
 * The Host header. Python's dicomweb-client leaves the port out of it: where it names our own address, the client talks to us
 * without a proxy, so the port is the one it reached.
 */
function directHost({ raw: { socket }, headers: { host } }: FastifyRequest): string | undefined {
  return host !== undefined && host === socket.localAddress ? `${host}:${socket.localPort}` : host;
}

function lastOf(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header.at(-1) : header)?.split(',').at(-1)?.trim();
}

function localHost(socket: FastifyRequest['raw']['socket']): string {
  const address = socket.localAddress ?? '127.0.0.1';
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort}`;
}
