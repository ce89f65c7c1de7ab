// The server side of suite 2 for tests of the SDK: on the library `hpke`, which has its own X-Wing, and node:crypto,
// without code of the SDK or of the server.
import { generateKeyPairSync, sign } from 'node:crypto';
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_MLKEM768_X25519 } from 'hpke';
import { b64, expand, mac, openAead, padded, sealAead, sha256, unb64 } from '../suite2Client.ts';

export type Json = Record<string, unknown>;

const suite = new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
const ENC = 1120;
const PUBLIC_KEY = 1216;
const NUL = '\0';

/** A signing identity and the fingerprint that clients pin. */
export function createIdentity() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const fingerprint = (publicKey.export({ format: 'jwk' }) as { x: string }).x;
  return { fingerprint, sign: (bytes: Uint8Array) => sign(null, bytes, privateKey) };
}

export type Identity = ReturnType<typeof createIdentity>;

/** A KEM key signed by the identity. */
export async function createServerKey(identity: Identity, notBefore: number, notAfter: number) {
  const pair = await suite.GenerateKeyPair(true);
  const head = Buffer.alloc(17, 2);
  head.writeBigUInt64BE(BigInt(notBefore), 1);
  head.writeBigUInt64BE(BigInt(notAfter), 9);
  const descriptor = Buffer.concat([head, await suite.SerializePublicKey(pair.publicKey)]);
  const signature = identity.sign(Buffer.concat([Buffer.from('vws2 descriptor '), descriptor]));
  return {
    pair,
    kid: sha256(unb64(identity.fingerprint), descriptor),
    introduction: {
      suite: 2,
      identity: identity.fingerprint,
      descriptor: b64(descriptor),
      signature: b64(signature),
    } as Json,
  };
}

export type ServerKey = Awaited<ReturnType<typeof createServerKey>>;

/** Responds to the first message. @throws if it does not open */
export async function answerHandshake({ pair, kid }: ServerKey, body: Json, features?: readonly string[]) {
  const epk = unb64(body.public_key);
  const m1 = unb64(body.ciphertext);
  const info = Buffer.concat([Buffer.from('vws2 m1 '), kid]);
  const c1 = await suite.SetupRecipient(pair.privateKey, m1.subarray(0, ENC), { info });
  const greeting = JSON.parse(Buffer.from(await c1.Open(m1.subarray(ENC), epk)).toString()) as Json;
  const { encapsulatedSecret, ctx: c2 } = await suite.SetupSender(await suite.DeserializePublicKey(epk), {
    info: Buffer.concat([Buffer.from('vws2 m2 '), sha256(info, epk, m1)]),
    psk: await c1.Export(Buffer.from('vws2 psk'), 32),
    pskId: Buffer.from('vws2 m1'),
  });
  const sealed = await c2.Seal(Buffer.from(JSON.stringify({ idle: 3_600_000, now: greeting.now, features })));
  return {
    greeting,
    answer: { suite: 2, ciphertext: b64(Buffer.concat([encapsulatedSecret, sealed])) } as Json,
    sid: b64(await c2.Export(Buffer.from('vws2 sid'), 32)),
    root: await c2.Export(Buffer.from('vws2 root'), 32),
  };
}

export interface OpenedRequest {
  readonly hash: Buffer;
  readonly kemKey: Buffer | undefined;
  readonly fields: Json;
}

/** @returns undefined if the tag fails */
export function openRequest(root: Uint8Array, path: string, body: Json): OpenedRequest | undefined {
  const aad = Buffer.from(['vws2 req', 'POST', path, body.session_key, ''].join(NUL));
  const payload = unb64(body.payload);
  let content: Buffer;
  try {
    content = openAead(expand(root, 'vws2 req'), aad, payload);
  } catch {
    return undefined;
  }
  const end = content[0] === 1 ? 1 + PUBLIC_KEY : 1;
  return {
    hash: sha256(aad, payload),
    kemKey: end > 1 ? content.subarray(1, end) : undefined,
    fields: JSON.parse(content.subarray(end).toString()) as Json,
  };
}

/** Seals a response and derives the next root. */
export async function sealResponse(root: Uint8Array, request: OpenedRequest, status: number, json: Json) {
  const kem = KEM_MLKEM768_X25519();
  const shared = request.kemKey && (await kem.Encap(await kem.DeserializePublicKey(request.kemKey)));
  const content = Buffer.concat([Buffer.of(shared ? 1 : 0), shared?.enc ?? Buffer.of(), padded(json)]);
  const next = expand(root, 'vws2 next ', request.hash);
  const key = expand(root, 'vws2 res ', request.hash);
  const aad = Buffer.from(['vws2 res', status, ''].join(NUL));
  return {
    answer: { suite: 2, payload: b64(sealAead(key, aad, content)) } as Json,
    root: shared ? mac(next, shared.shared_secret) : next,
  };
}
