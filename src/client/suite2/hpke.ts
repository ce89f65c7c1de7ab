import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, LabeledExpand, LabeledExtract } from 'hpke';
import type { Bytes } from '../../protocol/bytes.ts';
import { concatBytes, HASH_LENGTH } from '../../protocol/suite2.ts';

/*
 * The key schedule of HPKE (RFC 9180, section 5.1), base and PSK mode, for the suite X-Wing / HKDF-SHA256 / AES-256-GCM
 * and one message a context. The library `hpke` does the derivations and the AEAD; its own contexts, which can do all
 * suites and any number of messages, would be a quarter of what a browser has to load. A test compares the two.
 */
const MODE_BASE = 0;
const MODE_PSK = 1;
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;

/** "HPKE" ‖ KEM 0x647a ‖ KDF 0x0001 ‖ AEAD 0x0002. */
const suiteId = () => concatBytes('HPKE', Uint8Array.of(0x64, 0x7a, 0, 1, 0, 2));
const nothing = new Uint8Array();

export interface PreSharedKey {
  readonly secret: Uint8Array;
  readonly id: Uint8Array;
}

/** What both sides derive from one encapsulated key. */
export interface HpkeContext {
  /** May be used once: the nonce is that of the first message. */
  seal(additionalData: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>;
  /** Opens the first message; rejects if the tag fails. */
  open(additionalData: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array>;
  /** 32 bytes. */
  export(label: string): Promise<Bytes>;
}

/** @param sharedSecret of the KEM, 32 bytes */
export async function createHpkeContext(
  sharedSecret: Uint8Array,
  info: Uint8Array,
  psk?: PreSharedKey,
): Promise<HpkeContext> {
  const kdf = KDF_HKDF_SHA256();
  const aead = AEAD_AES_256_GCM();
  const extract = (salt: Uint8Array, label: string, input: Uint8Array) =>
    LabeledExtract(kdf, suiteId(), salt, concatBytes(label), input);
  const expand = (key: Uint8Array, label: string, context: Uint8Array, length: number) =>
    LabeledExpand(kdf, suiteId(), key, concatBytes(label), context, length);

  const context = concatBytes(
    Uint8Array.of(psk ? MODE_PSK : MODE_BASE),
    await extract(nothing, 'psk_id_hash', psk?.id ?? nothing),
    await extract(nothing, 'info_hash', info),
  );
  const secret = await extract(sharedSecret, 'secret', psk?.secret ?? nothing);
  const key = await expand(secret, 'key', context, KEY_LENGTH);
  const nonce = await expand(secret, 'base_nonce', context, NONCE_LENGTH);
  const exporter = await expand(secret, 'exp', context, HASH_LENGTH);

  return {
    seal: (additionalData, plaintext) => aead.Seal(key, nonce, additionalData, plaintext),
    open: (additionalData, ciphertext) => aead.Open(key, nonce, additionalData, ciphertext),
    export: async (label) => concatBytes(await expand(exporter, 'sec', concatBytes(label), HASH_LENGTH)),
  };
}
