import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import mongoose from 'mongoose';

const { BSON, Long, ObjectId } = mongoose.mongo;

/**
 * What becomes of one command: an error answered instead of the server; done, with a failed write concern in the answer; its
 * connection cut before the server has it, or after the server has done it.
 */
export type StepDownFault =
  { error: keyof typeof CODE_NAMES } | { concern: keyof typeof CODE_NAMES; labelled: boolean } | 'cut-before' | 'cut-after';

/** The codes of a primary that is none any more. */
const CODE_NAMES = { 91: 'ShutdownInProgress', 189: 'PrimarySteppedDown', 10_107: 'NotWritablePrimary' } as const;
/** What the driver asks of its own accord. */
const OWN_COMMANDS = new Set(['hello', 'isMaster', 'ismaster', 'ping', 'endSessions', 'saslStart', 'saslContinue']);
const HEADER_BYTES = 16;
const OP_REPLY = 1;
const OP_MSG = 2013;
const NO_FLAGS = 0;
/** Of an OP_REPLY before its document. */
const REPLY_BYTES = 20;
const RETRYABLE = { errorLabels: ['RetryableWriteError'] };

/** A proxy before a replica set of one member: what a client sees of a primary that steps down, command by command. */
export class StepDownProxy {
  /** Commands seen, in order, without the driver's own. */
  readonly seen: string[] = [];
  /** Decides about each command; undefined: it passes. */
  rule: (command: string) => StepDownFault | undefined = () => undefined;
  readonly #target: { host: string; port: number };
  readonly #server = createServer({ noDelay: true }, (client) => this.#take(client));
  readonly #sockets = new Set<Socket>();
  readonly #processId = new ObjectId();
  /** Grows with every change that a member tells of itself. */
  #changes = 1;

  private constructor(address: string) {
    const { hostname, port } = new URL(address);
    this.#target = { host: hostname, port: Number(port) };
  }

  /** Starts before the server of a connection string. */
  static async start(address: string): Promise<StepDownProxy> {
    const proxy = new StepDownProxy(address);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** Connection string by way of the proxy; the driver looks for a primary again at once. */
  uriOf(address: string): string {
    const uri = new URL(address);
    uri.host = this.#host;
    uri.searchParams.set('minHeartbeatFrequencyMS', '10');
    uri.searchParams.set('serverMonitoringMode', 'poll');
    return uri.href;
  }

  /** Cuts all connections, as an election does. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #take(client: Socket): void {
    const server = connect({ ...this.#target, noDelay: true });
    /** Of commands that the server has, by their ids: what is to become of the answer. */
    const awaited = new Map<number, StepDownFault>();
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    onMessages(client, (message) => this.#request(message, { client, server, awaited }));
    onMessages(server, (message) => this.#answer(message, { client, awaited }));
  }

  #request(message: Message, { client, server, awaited }: { client: Socket; server: Socket; awaited: Map<number, StepDownFault> }): void {
    const [command = ''] = message.opCode === OP_MSG ? Object.keys(message.body) : [];
    const own = message.opCode !== OP_MSG || OWN_COMMANDS.has(command);
    if (!own) this.seen.push(command);
    const fault = own ? undefined : this.rule(command);
    if (fault === 'cut-before') return void client.resetAndDestroy();
    if (typeof fault === 'object' && 'error' in fault) return void client.write(this.#refusal(message, command, fault.error));
    if (fault !== undefined) awaited.set(message.requestId, fault);
    server.write(message.bytes);
  }

  #answer(message: Message, { client, awaited }: { client: Socket; awaited: Map<number, StepDownFault> }): void {
    const fault = awaited.get(message.responseTo);
    if (fault === 'cut-after') return void client.resetAndDestroy();
    const { body } = message;
    if (typeof fault === 'object' && 'concern' in fault) {
      const writeConcernError = { code: fault.concern, codeName: CODE_NAMES[fault.concern], errmsg: 'made by a test' };
      return void client.write(withBody(message, { ...body, writeConcernError, ...(fault.labelled && RETRYABLE) }));
    }
    if (body['hosts'] === undefined) return void client.write(message.bytes);
    const host = this.#host;
    client.write(withBody(message, { ...body, hosts: [host], me: host, primary: host, topologyVersion: this.#topologyVersion() }));
  }

  #refusal(message: Message, command: string, code: keyof typeof CODE_NAMES): Buffer {
    this.#changes++;
    const write = ['insert', 'update', 'delete'].includes(command);
    const error = { ok: 0, code, codeName: CODE_NAMES[code], errmsg: 'made by a test', topologyVersion: this.#topologyVersion() };
    return withBody({ ...message, bodyAt: HEADER_BYTES + 5, responseTo: message.requestId }, { ...error, ...(write && RETRYABLE) });
  }

  #topologyVersion() {
    return { processId: this.#processId, counter: Long.fromNumber(this.#changes) };
  }
}

interface Message {
  requestId: number;
  responseTo: number;
  opCode: number;
  body: mongoose.mongo.Document;
  /** Where the document stands in `bytes`. */
  bodyAt: number;
  bytes: Buffer;
}

/** Parts what a connection sends into messages; of an OP_MSG only the first section, the command or answer, is read. */
function onMessages(socket: Socket, take: (message: Message) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= HEADER_BYTES && received.length >= received.readInt32LE(0)) {
      const bytes = received.subarray(0, received.readInt32LE(0));
      received = received.subarray(bytes.length);
      take(parse(bytes));
    }
  });
}

function parse(bytes: Buffer): Message {
  const opCode = bytes.readInt32LE(12);
  const bodyAt = HEADER_BYTES + (opCode === OP_REPLY ? REPLY_BYTES : 5);
  const known = opCode === OP_REPLY || opCode === OP_MSG;
  const body = known ? BSON.deserialize(bytes.subarray(bodyAt, bodyAt + bytes.readInt32LE(bodyAt)), { promoteValues: false }) : {};
  return { requestId: bytes.readInt32LE(4), responseTo: bytes.readInt32LE(8), opCode, body, bodyAt, bytes };
}

/** A message with another document and nothing behind it. */
function withBody({ bytes, bodyAt, responseTo }: Message, body: mongoose.mongo.Document): Buffer {
  const message = Buffer.concat([bytes.subarray(0, bodyAt), BSON.serialize(body)]);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(responseTo, 8);
  if (message.readInt32LE(12) === OP_MSG) message.writeUInt32LE(NO_FLAGS, HEADER_BYTES);
  return message;
}
