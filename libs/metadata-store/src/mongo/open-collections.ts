import mongoose from 'mongoose';
import type { Collections } from './collections.ts';
import { INDEXES } from './indexes.ts';

/** The collections of a connection, their indexes made where they are missing. */
export async function openCollections(connection: mongoose.Connection): Promise<Collections> {
  for (const [name, indexes] of Object.entries(INDEXES)) {
    const schema = new mongoose.Schema({ _id: String }, { strict: false, autoIndex: false, autoCreate: false, collection: name });
    for (const { keys } of indexes) schema.index(keys);
    await connection.model(name, schema).createIndexes();
  }
  const database = connection.getClient().db(connection.name);
  return {
    patients: database.collection('patients'),
    studies: database.collection('studies'),
    series: database.collection('series'),
    instances: database.collection('instances'),
    receiptTexts: database.collection('receiptTexts'),
    claims: database.collection('claims'),
    resolutions: database.collection('resolutions'),
    marks: database.collection('marks'),
    jobs: database.collection('jobs'),
  };
}
