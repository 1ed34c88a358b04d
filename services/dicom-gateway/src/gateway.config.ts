import type { ClientTls, ServerTls } from '@cairn/dimse';

/** An application entity that we send to. */
export interface Peer {
  host: string;
  port: number;
  tls?: ClientTls;
}

/** Times in milliseconds; defaults in brackets. */
export interface GatewayTimeouts {
  /** Until an association request is here, and until the peer closes at the end (30 s). */
  artimMs?: number;
  /** Silence after which an association without work is aborted (60 s). */
  idleMs?: number;
  /** Opening an association to a peer (15 s). */
  connectMs?: number;
  /** A peer's answer to a request of ours (60 s). */
  responseMs?: number;
  /** A peer that takes no more bytes (30 s). */
  sendMs?: number;
  /** Running operations at shutdown (20 s). */
  drainMs?: number;
}

/** What the composition root tells the gateway. */
export interface GatewayConfig {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** Our own title: in answers, and as calling AE towards C-MOVE destinations. */
  aeTitle: string;
  /** Called titles that are accepted, `*` for any; default the own one. */
  calledAets?: readonly string[];
  /** Callers that are accepted, where `permits` is given only from the numeric addresses that it takes; default everyone. */
  allowedCallers?: readonly { aet: string; permits?(this: void, address: string): boolean }[];
  /** C-MOVE destinations and requestors of storage commitment, by AE title. */
  peers: ReadonlyMap<string, Peer>;
  /** A second port with TLS. */
  tls?: ServerTls & { port: number };
  tenant?: string;
  /** Default 200. */
  maxAssociations?: number;
  /** Take storage of SOP classes and transfer syntaxes that no table of ours knows, private ones included. Default true. */
  acceptUnknownStorage?: boolean;
  /** Associations that one C-MOVE opens to its destination. Default 3. */
  moveAssociations?: number;
  /** Answers of one C-FIND; more end it with A700. Default 100,000. */
  maxFindAnswers?: number;
  timeouts?: GatewayTimeouts;
}
