import type { SecureContextOptions, TlsOptions } from 'node:tls';

/**
 * Cipher suites of the BCP 195 TLS profile (PS3.15 §B.12, RFC 9325): TLS 1.3, and TLS 1.2 with forward secrecy and
 * authenticated encryption only.
 */
const BCP_195_CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-AES128-GCM-SHA256',
].join(':');

/** PEM texts of a listener. With `clientCa` every peer must show a certificate that it signed. */
export interface ServerTls {
  cert: string | Buffer;
  key: string | Buffer;
  clientCa?: string | Buffer;
}

/** PEM texts of a requestor: whom to trust, and its own certificate for mutual TLS. */
export interface ClientTls {
  /** Default: the system's authorities. */
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  /** Name that the peer's certificate must carry, where it is not the host. */
  serverName?: string;
}

/** What both roles have in common. `dhparam: auto` gives groups of at least 2048 bits. */
const PROFILE: SecureContextOptions = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', ciphers: BCP_195_CIPHERS, dhparam: 'auto' };

/** Options for `tls.createServer`. The handshake is bounded by `handshakeTimeoutMs`. */
export function serverTlsOptions(tls: ServerTls, handshakeTimeoutMs: number): TlsOptions {
  const mutual = tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true };
  return { ...PROFILE, honorCipherOrder: true, cert: tls.cert, key: tls.key, handshakeTimeout: handshakeTimeoutMs, ...mutual };
}

/** Options for `tls.connect`. */
export function clientTlsOptions(tls: ClientTls): SecureContextOptions & { servername?: string } {
  return {
    ...PROFILE,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}
