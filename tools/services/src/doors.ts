import { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import type { CairnConfig } from '@cairn/config';
import { CairnError, systemErrorCode } from '@cairn/core';
import { createHttpDoor } from './http-door.ts';
import { operatorPages } from './operator-pages.ts';
import { RoundRobin } from './round-robin.ts';
import type { ServiceProcess } from './service-process.ts';
import { createTcpDoor } from './tcp-door.ts';

/** What is reached from outside. Before the services run, HTTP says that they are not ready, and DICOM connections are closed. */
export interface Doors {
  httpPort: number;
  dicomPort: number;
  /** Where DICOM TLS is configured. */
  tlsPort?: number;
  /** Takes no new connections; those that are open go on. */
  stopListening(): void;
  /** Cuts off what is still open. */
  close(): void;
}

/** How {@link openDoors} is called. */
export interface DoorsOptions {
  config: CairnConfig;
  /** Filled by the caller as processes are started. */
  processes: readonly ServiceProcess[];
  startPage: () => string;
  /** Several gateways share the DICOM ports; a single one listens on them itself, and so sees its callers' addresses. */
  balancesDicom: boolean;
}

/** Opens HTTP and, where they are balanced, the DICOM ports. A port that cannot be opened → `runtime.start-failed`. */
export async function openDoors({ config, processes, startPage, balancesDicom }: DoorsOptions): Promise<Doors> {
  const servers: Server[] = [];
  const balance = new RoundRobin(processes);
  const open = async (server: Server, kind: string, port: number): Promise<number> => {
    servers.push(server);
    return listen(server, { kind, host: config.CAIRN_HOST, port });
  };
  const openDicom = async (kind: string, port: number, targetOf: (gateway: ServiceProcess) => number): Promise<number> => {
    const door = createTcpDoor(() => balance.order('dicom-gateway').map(targetOf));
    const opened = await open(door, kind, port);
    if (!balancesDicom) await new Promise((resolve) => door.close(resolve));
    return opened;
  };
  const close = (): void => {
    for (const server of servers) {
      server.close();
      if (server instanceof HttpServer) server.closeAllConnections();
    }
  };
  try {
    const http = createHttpDoor({
      upstreams: (service) => balance.order(service),
      answer: operatorPages(processes, startPage),
      trustedProxies: config.CAIRN_TRUSTED_PROXIES,
    });
    const httpPort = await open(http, 'HTTP', config.CAIRN_HTTP_PORT);
    const dicomPort = await openDicom('DICOM', config.CAIRN_DICOM_PORT, (gateway) => gateway.dicomPort);
    const { CAIRN_DICOM_TLS_PORT: tls } = config;
    const tlsPort = tls === undefined ? {} : { tlsPort: await openDicom('DICOM TLS', tls, (gateway) => gateway.tlsPort) };
    const stopListening = (): void => {
      for (const server of servers) server.close();
    };
    return { httpPort, dicomPort, ...tlsPort, stopListening, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Resolves to the real port. */
async function listen(server: Server, { kind, host, port }: { kind: string; host: string; port: number }): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown reason';
    const reason = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be opened (${code})`;
    throw new CairnError('runtime.start-failed', `The ${kind} port ${port} on ${host} ${reason}.`, { cause: error });
  }
  return (server.address() as { port: number }).port;
}
