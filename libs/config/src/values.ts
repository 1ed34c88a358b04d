import { isIP, BlockList } from 'node:net';
import { z } from 'zod';

/** An application entity's name: 1 to 16 printable ASCII characters without backslash, no blanks at the ends (PS3.5 §6.2, AE). */
export const AE_TITLE = /^(?! )[\x20-\x5b\x5d-\x7e]{1,16}(?<! )$/;

/** A C-MOVE destination. */
export interface DicomPeer {
  aet: string;
  host: string;
  port: number;
}

/** A calling AE title that may associate, from any address or only from those of `cidr`. */
export interface DicomCaller {
  aet: string;
  cidr?: string;
}

/** `AET=host:port,…`; IPv6 hosts in brackets. */
export const peersSchema = listOf((entry): DicomPeer | string => {
  const match = /^([^=]+)=(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(entry);
  if (!match || !AE_TITLE.test(match[1]!) || !isPort(match[3]!)) return 'each entry must be AET=host:port';
  return { aet: match[1]!, host: match[2]!.replaceAll(/[[\]]/g, ''), port: Number(match[3]) };
});

/** `AET[@address or CIDR],…`; IPv6 in brackets. */
export const callersSchema = listOf((entry): DicomCaller | string => {
  const [aet = '', address] = entry.split('@', 2);
  if (!AE_TITLE.test(aet)) return 'each entry must be AET or AET@address';
  if (address === undefined) return { aet };
  const cidr = address.replaceAll(/[[\]]/g, '');
  return isCidr(cidr) ? { aet, cidr } : 'an address must be numeric, with or without a prefix length';
});

/** Comma list of AE titles. */
export const aeTitlesSchema = listOf((entry): { aet: string } | string =>
  AE_TITLE.test(entry) ? { aet: entry } : 'an AE title is 1 to 16 printable characters without backslash',
).transform((entries) => entries.map(({ aet }) => aet));

/** Comma list of web origins such as `https://viewer.example.org`. */
export const originsSchema = listOf((entry): { origin: string } | string => {
  const url = URL.parse(entry);
  return url && /^https?:$/.test(url.protocol) && url.origin === entry.toLowerCase()
    ? { origin: url.origin }
    : 'an origin is scheme://host[:port] without a path';
}).transform((entries) => entries.map(({ origin }) => origin));

/** Comma list of numeric addresses or CIDR ranges. */
export const addressesSchema = listOf((entry): { cidr: string } | string => {
  if (entry === 'loopback') return { cidr: entry };
  return isCidr(entry) ? { cidr: entry } : 'each entry must be a numeric address, with or without a prefix length, or "loopback"';
}).transform((entries) => entries.map(({ cidr }) => cidr));

/** Comma list of `host:port`; IPv6 hosts in brackets. */
export const brokersSchema = listOf((entry): { broker: string } | string => {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(entry)?.[1];
  return port !== undefined && isPort(port) ? { broker: entry } : 'each entry must be host:port';
}).transform((entries) => entries.map(({ broker }) => broker));

/** A port number; 0 lets the system choose. */
export const portSchema = z
  .string()
  .refine(isPort, 'must be a port number from 0 to 65535')
  .transform((text) => Number(text));

/** A whole number within bounds. */
export function integerSchema(minimum: number, maximum: number): z.ZodType<number, string> {
  return z
    .string()
    .refine(
      (text) => /^\d{1,15}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum,
      `must be a whole number from ${minimum} to ${maximum}`,
    )
    .transform((text) => Number(text));
}

/** `1`, `true`, `yes` or `0`, `false`, `no`. */
export const switchSchema = z
  .string()
  .refine((text) => /^(?:1|true|yes|0|false|no)$/i.test(text), 'must be 1 or 0')
  .transform((text) => /^(?:1|true|yes)$/i.test(text));

/** A matcher of numeric addresses for a list of {@link addressesSchema}. IPv4-mapped IPv6 addresses match their IPv4 ranges. */
export function addressMatcher(cidrs: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const cidr of cidrs.flatMap((entry) => (entry === 'loopback' ? ['127.0.0.0/8', '::1'] : [entry]))) {
    const [address = '', prefix] = cidr.split('/', 2);
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const version = isIP(plain);
    return version !== 0 && list.check(plain, version === 6 ? 'ipv6' : 'ipv4');
  };
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || addressMatcher(['loopback'])(host);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

function isCidr(text: string): boolean {
  const [address = '', prefix] = text.split('/', 2);
  const version = isIP(address);
  if (version === 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 6 ? 128 : 32));
}

function listOf<T extends object>(parse: (entry: string) => T | string): z.ZodType<T[], string> {
  return z.string().transform((text, context) => {
    const entries = text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
    return entries.flatMap((entry) => {
      const value = parse(entry);
      if (typeof value !== 'string') return [value];
      context.addIssue({ code: 'custom', message: value });
      return [];
    });
  });
}
