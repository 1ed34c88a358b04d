import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../src/sqlite/database.ts';

describe('a snapshot', () => {
  let folder: string;
  let writer: Database;
  let reader: Database;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-database-'));
    writer = new Database(join(folder, 'index.db'), false);
    writer.connection.exec('CREATE TABLE numbers (number INTEGER)');
    reader = new Database(join(folder, 'index.db'), true);
  });

  afterEach(() => {
    reader.close();
    writer.close();
    rmSync(folder, { recursive: true });
  });

  const count = (): number => reader.get<{ count: number }>('SELECT count(*) AS count FROM numbers')!.count;
  const add = (): number => writer.run('INSERT INTO numbers VALUES (1)');

  it('shows all its statements the same data', () => {
    const counts = reader.snapshot(() => {
      const before = count();
      add();
      return [before, count()];
    });
    expect(counts).toEqual([0, 0]);
    expect(count()).toBe(1);
  });

  it('ends when its work fails', () => {
    const failing = (): never => {
      count();
      throw new Error('no more');
    };
    expect(() => reader.snapshot(failing)).toThrow('no more');
    add();
    expect(reader.snapshot(count)).toBe(1);
  });
});
