import { randomBytes } from 'node:crypto';
import { serverForTests } from '@cairn/infra';
import type { RunningServer } from '@cairn/infra';
import { MongoMetadataStore } from '@cairn/metadata-store/mongo';
import mongoose from 'mongoose';

/** The server of a suite; undefined when it cannot be had here. */
export async function mongoServer(): Promise<RunningServer | undefined> {
  return await serverForTests('mongodb');
}

/** A database of its own on a server, so that suites on a real installation do not meet. */
export function newDatabase(): string {
  return `cairn-test-${randomBytes(6).toString('hex')}`;
}

/** Opens a store. */
export async function openStore(server: RunningServer, database: string): Promise<MongoMetadataStore> {
  return await MongoMetadataStore.open({ uri: server.address, database });
}

/** Removes a database. */
export async function dropDatabase(server: RunningServer, database: string): Promise<void> {
  const connection = await mongoose.createConnection(server.address, { dbName: database }).asPromise();
  await connection.dropDatabase();
  await connection.close();
}
