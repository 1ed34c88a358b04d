import { readFileSync } from 'node:fs';
import type { CairnConfig } from '@cairn/config';
import { addressMatcher } from '@cairn/config';
import { CairnError } from '@cairn/core';
import type { GatewayConfig } from './gateway.config.ts';

/** The gateway's part of the configuration; a file that cannot be read → `config.invalid`. */
export function gatewayConfig(config: CairnConfig): GatewayConfig {
  return {
    host: config.CAIRN_HOST,
    port: config.CAIRN_DICOM_PORT,
    aeTitle: config.CAIRN_AE_TITLE,
    calledAets: [config.CAIRN_AE_TITLE, ...config.CAIRN_DICOM_CALLED_AETS],
    peers: new Map(config.CAIRN_DICOM_PEERS.map(({ aet, host, port }) => [aet, { host, port }])),
    maxAssociations: config.CAIRN_DICOM_MAX_ASSOCIATIONS,
    timeouts: { idleMs: config.CAIRN_DICOM_IDLE_TIMEOUT_S * 1000, drainMs: config.CAIRN_DRAIN_TIMEOUT_S * 1000 },
    ...allowedCallers(config),
    ...tls(config),
  };
}

function allowedCallers(config: CairnConfig): Pick<GatewayConfig, 'allowedCallers'> {
  if (config.CAIRN_DICOM_CALLERS.length === 0) return {};
  return {
    allowedCallers: config.CAIRN_DICOM_CALLERS.map(({ aet, cidr }) =>
      cidr === undefined ? { aet } : { aet, permits: addressMatcher([cidr]) },
    ),
  };
}

function tls(config: CairnConfig): Pick<GatewayConfig, 'tls'> {
  const { CAIRN_DICOM_TLS_PORT: port, CAIRN_DICOM_TLS_CERT: cert, CAIRN_DICOM_TLS_KEY: key, CAIRN_DICOM_TLS_CLIENT_CA: clientCa } = config;
  if (port === undefined || cert === undefined || key === undefined) return {};
  return {
    tls: {
      port,
      cert: pem('CAIRN_DICOM_TLS_CERT', cert),
      key: pem('CAIRN_DICOM_TLS_KEY', key),
      ...(clientCa === undefined ? {} : { clientCa: pem('CAIRN_DICOM_TLS_CLIENT_CA', clientCa) }),
    },
  };
}

function pem(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CairnError('config.invalid', `Configuration: the file that ${name} names cannot be read.`, { cause: error });
  }
}
