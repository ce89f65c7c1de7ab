// Offline attacks: applies stolen secrets to recorded traffic and stored rows.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { labels, requestContext, responseContext } from '../../src/protocol/suite2.ts';
import { openAead } from '../../src/server/crypto/aead.ts';
import { expand, hmac } from '../../src/server/crypto/derive.ts';
import { EpochFile } from '../../src/server/keyring/epochFile.ts';
import { EpochKeys } from '../../src/server/keyring/epochKeys.ts';
import { loadMasterKeyFile, MasterKey } from '../../src/server/keyring/masterKey.ts';
import type { TestServer } from '../support/server.ts';
import { dumpDatabase } from '../support/sql.ts';
import { field, type Heard } from './attack.ts';

/** Steps whose request and response open under one of the roots, or under one derived from it. */
export function findReadableSteps(roots: readonly Uint8Array[], traffic: readonly Heard[]): number[] {
  const steps: number[] = [];
  let known = roots;
  for (const { request, reply } of traffic) {
    const sessionKey = field(request, 'session_key');
    const context = requestContext('POST', request.path, sessionKey);
    const payload = bytesOf(field(request, 'payload'));
    const requestHash = hash('sha256', Buffer.concat([context, payload]), 'buffer');
    const next = (root: Uint8Array) => expand(root, labels.nextRoot, requestHash);
    const root = known.find((root) => openAead(expand(root, labels.requestKey), payload, context));
    if (root) {
      const key = expand(root, labels.responseKey, requestHash);
      assert.ok(openAead(key, bytesOf(field(reply, 'payload')), responseContext(reply.status)));
      steps.push(stepNumber(sessionKey));
      known = [next(root)];
    } else if (steps.length > 0) {
      // Where the chain continues is unknown: try all that can be derived.
      known = known.flatMap((root) => [root, next(root)]);
    }
  }
  return steps;
}

function stepNumber(sessionKey: string): number {
  return Number(sessionKey.split('.')[2]);
}

export type StolenRow = Readonly<Record<string, Uint8Array | string | null>>;

/** Content of the data folder: everything that the server has. */
export interface Loot {
  readonly masterKey: MasterKey;
  readonly epochs: EpochKeys;
  readonly tables: Readonly<Record<string, readonly StolenRow[]>>;
}

export async function steal(server: TestServer): Promise<Loot> {
  const dump = await dumpDatabase(server);
  const tables = Object.fromEntries(Object.entries(dump).map(([table, rows]) => [table, rows.map(readRow)]));
  const { dataDir } = server;
  const stolen = join(dataDir, 'stolen-epoch');
  copyFileSync(join(dataDir, 'vws.db-epoch'), stolen);
  const masterKey = new MasterKey(loadMasterKeyFile(join(dataDir, 'master.key')).bytes);
  return { masterKey, epochs: new EpochKeys(new EpochFile(stolen, 0)), tables };
}

/** @returns the stored step of a session key */
export function findStep({ tables }: Loot, sessionKey: string): StolenRow | undefined {
  const stepId = hash('sha256', `vws step id ${sessionKey}`, 'base64url');
  return tables.session_steps?.find((row) => textOf(column(row, 'step_id')) === stepId);
}

/** Opens the secret of a stored step with a possible session key. */
export function openStep({ masterKey, epochs }: Loot, row: StolenRow, sessionKey: string): Uint8Array | undefined {
  const key = hmac(masterKey.derive('vws session steps'), `vws step key ${sessionKey}`);
  const context = Buffer.concat([Buffer.from('vws secret '), column(row, 'step_id')]);
  return openAead(key, unwrap(epochs, row, 'sealed_secret'), context);
}

/** Removes the outer layer of a value, with the keys of the moment in which it was stolen. */
export function unwrap(epochs: EpochKeys, row: StolenRow, name: string): Uint8Array {
  return epochs.unwrap({ bytes: column(row, name), epochId: column(row, 'epoch_id') }) ?? assert.fail(name);
}

export function column(row: StolenRow, name: string): Uint8Array {
  const value = row[name];
  return value instanceof Uint8Array ? value : assert.fail(`${name} holds no bytes`);
}

function readRow(row: string): StolenRow {
  const columns = JSON.parse(row) as [name: string, value: string | null][];
  const read = (value: string | null) => (value?.startsWith('x') ? Buffer.from(value.slice(1), 'hex') : value);
  return Object.fromEntries(columns.map(([name, value]) => [name, read(value)]));
}

export function bytesOf(base64url: string): Buffer {
  return Buffer.from(base64url, 'base64url');
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
