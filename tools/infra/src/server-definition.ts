/** How one product is had, started and checked. */
export interface ServerDefinition {
  name: ServerName;
  version: string;
  /** The environment variable that names a real installation to use instead. */
  variable: string;
  /** Ports that one process needs. */
  portCount: number;
  /** Downloads or builds it once; gives the cached folder. Cannot be had → {@link Unavailable}. */
  install(): Promise<string>;
  /** Makes a new or old data folder ready for the next start. */
  prepare(place: ServerPlace): Promise<void>;
  command(place: ServerPlace): { file: string; args: string[]; env?: Record<string, string> };
  /** What clients connect to. */
  address(ports: readonly number[]): string;
  /** What a proxy before it connects to, where that is something else: see {@link ServerPlace.proxyPort}. */
  addressForProxy?(ports: readonly number[]): string;
  /** One write and one read; throws as long as they fail. */
  check(address: string): Promise<void>;
  /** Removes what a stopped process leaves outside its data folder. */
  cleanUp?(place: ServerPlace): Promise<void>;
}

/** Where one server process lives. */
export interface ServerPlace {
  /** The folder that `install` gave. */
  installed: string;
  /** Absolute. */
  dataDir: string;
  ports: readonly number[];
  /** The loopback port of a proxy before it, for servers that tell clients where to connect. */
  proxyPort?: number;
}

/** The servers that can be started. */
export type ServerName = 'kafka' | 'mongodb' | 'seaweedfs' | 'versitygw';
