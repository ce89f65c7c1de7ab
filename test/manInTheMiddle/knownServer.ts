// A real server with a known identity key.
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Identity } from '../support/client/memorySuite2.ts';
import { type Settings, startServer, type TestServer } from '../support/server.ts';

/** A real server whose identity key the test knows. */
export interface KnownServer {
  readonly server: TestServer;
  readonly identity: Identity;
}

export async function startKnownServer(t: TestContext, settings: Settings = {}): Promise<KnownServer> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { x: fingerprint = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const server = await startServer(t, { RATE_RENAMES_PER_MONTH: '1000', ...settings, VWS_IDENTITY_KEY: pem });
  return { server, identity: { fingerprint, sign: (bytes) => sign(null, bytes, privateKey) } };
}
