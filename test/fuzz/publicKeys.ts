// Public keys for the handshake: valid, mutated, and unusual ones.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { publicKeyPem } from '../support/suite1Client.ts';

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** An RSA key from any modulus and exponent. */
function rsaKey(modulus: Uint8Array, exponent: Uint8Array): string | undefined {
  try {
    const key = createPublicKey({
      key: { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) },
      format: 'jwk',
    });
    return exportPem(key);
  } catch {
    return undefined;
  }
}

function exportPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const modulus = fc.oneof(
  fc.constantFrom(0, 1, 2, 128, 255, 256, 257, 384, 512, 513, 1024, 2048).chain(bytesOf),
  // Even, a power of two, all ones.
  fc.constantFrom(256, 512).chain((length) =>
    fc.constantFrom(
      Uint8Array.from({ length }, (_, index) => (index === 0 ? 0x80 : 0)),
      new Uint8Array(length).fill(0xff),
      Uint8Array.from({ length }, (_, index) => (index === 0 ? 0xff : 0xfe)),
      new Uint8Array(length),
    ),
  ),
);
const exponent = fc.oneof(
  fc
    .constantFrom([], [0], [1], [2], [3], [1, 0, 1], [0xff, 0xff, 0xff, 0xff], [1, 0, 0, 0, 0], [0xff])
    .map((bytes) => Uint8Array.from(bytes)),
  fc.constantFrom(4, 8, 64, 256, 2048).chain(bytesOf),
);
const unusualRsa = fc.tuple(modulus, exponent).map(([n, e]) => rsaKey(n, e) ?? '');

const otherKeys = fc.constantFrom(
  exportPem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
  exportPem(generateKeyPairSync('ed25519').publicKey),
  exportPem(generateKeyPairSync('x25519').publicKey),
  exportPem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
  exportPem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  createPublicKey(publicKeyPem).export({ type: 'pkcs1', format: 'pem' }).toString(),
);

const der = createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' });
/** Mutated DER: lengths, types, numbers. */
const mutatedDer = fc
  .array(fc.tuple(fc.nat({ max: der.length - 1 }), fc.nat({ max: 255 })), { maxLength: 3 })
  .chain((changes) =>
    fc.integer({ min: -8, max: 8 }).map((cut) => {
      const changed = Buffer.from(der);
      for (const [at, byte] of changes) changed[at] = byte;
      const bytes = cut < 0 ? changed.subarray(0, cut) : Buffer.concat([changed, Buffer.alloc(cut)]);
      const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
      return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
    }),
  );
const mutatedPem = fc
  .tuple(fc.nat({ max: publicKeyPem.length - 1 }), fc.string({ unit: 'binary', maxLength: 4 }))
  .map(([at, text]) => publicKeyPem.slice(0, at) + text + publicKeyPem.slice(at + 1));

const hex = (text: string): string => Buffer.from(text).toString('hex');

/** Value of `public_key`, as JSON. */
export const publicKeyJson: fc.Arbitrary<string> = fc.oneof(
  fc.oneof(unusualRsa, otherKeys, mutatedDer, mutatedPem).map((pem) => JSON.stringify(hex(pem))),
  fc
    .constantFrom('', '0', 'zz', '0x', '00', hex(publicKeyPem).slice(1), hex(publicKeyPem + publicKeyPem))
    .map((text) => JSON.stringify(text)),
  fc.integer({ min: 1, max: 500_000 }).map((length) => JSON.stringify('2d'.repeat(length))),
  // White space between the lines, up to the limit and above.
  fc
    .integer({ min: 1, max: 4_000 })
    .map((length) => JSON.stringify(hex(publicKeyPem.replace('\n', ' '.repeat(length))))),
  fc.json(),
);
