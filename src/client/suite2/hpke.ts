// HPKE contexts for the two messages of the handshake.
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, LabeledExpand, LabeledExtract } from 'hpke';
import type { Bytes } from '../../protocol/bytes.ts';
import { concatBytes, HASH_LENGTH } from '../../protocol/suite2.ts';

/*
 * The key schedule of HPKE (RFC 9180, section 5.1), base and PSK mode, for X-Wing / HKDF-SHA256 / AES-256-GCM and one
 * message per context. The library `hpke` provides the derivations and the AEAD. Its own contexts support all suites and any
 * number of messages, but would be a quarter of the browser bundle. A test compares both.
 */
const MODE_BASE = 0;
const MODE_PSK = 1;
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;

/** "HPKE" ‖ KEM 0x647a ‖ KDF 0x0001 ‖ AEAD 0x0002. */
const suiteId = () => concatBytes('HPKE', Uint8Array.of(0x64, 0x7a, 0, 1, 0, 2));
const nothing = new Uint8Array();

interface PreSharedKey {
  readonly secret: Uint8Array;
  readonly id: Uint8Array;
}

/** The secrets that both sides derive from one encapsulated key. */
export class HpkeContext {
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #exporter: Uint8Array;

  /** @internal Use {@link createHpkeContext}. */
  constructor(key: Uint8Array, nonce: Uint8Array, exporter: Uint8Array) {
    this.#key = key;
    this.#nonce = nonce;
    this.#exporter = exporter;
  }

  /** Encrypts the first message. Must be used only once, because the nonce is that of the first message. */
  seal(additionalData: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array> {
    return AEAD_AES_256_GCM().Seal(this.#key, this.#nonce, additionalData, plaintext);
  }

  /** Decrypts the first message. Rejects if the tag is invalid. */
  open(additionalData: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array> {
    return AEAD_AES_256_GCM().Open(this.#key, this.#nonce, additionalData, ciphertext);
  }

  /** @returns 32 bytes */
  async export(label: string): Promise<Bytes> {
    return concatBytes(await expand(this.#exporter, 'sec', concatBytes(label), HASH_LENGTH));
  }
}

/**
 * Derives a context (KeySchedule).
 *
 * @param sharedSecret of the KEM, 32 bytes
 * @see RFC 9180, section 5.1
 */
export async function createHpkeContext(
  sharedSecret: Uint8Array,
  info: Uint8Array,
  psk?: PreSharedKey,
): Promise<HpkeContext> {
  const context = concatBytes(
    Uint8Array.of(psk ? MODE_PSK : MODE_BASE),
    await extract(nothing, 'psk_id_hash', psk?.id ?? nothing),
    await extract(nothing, 'info_hash', info),
  );
  const secret = await extract(sharedSecret, 'secret', psk?.secret ?? nothing);
  return new HpkeContext(
    await expand(secret, 'key', context, KEY_LENGTH),
    await expand(secret, 'base_nonce', context, NONCE_LENGTH),
    await expand(secret, 'exp', context, HASH_LENGTH),
  );
}

function extract(salt: Uint8Array, label: string, input: Uint8Array): Promise<Uint8Array> {
  return LabeledExtract(KDF_HKDF_SHA256(), suiteId(), salt, concatBytes(label), input);
}

function expand(key: Uint8Array, label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
  return LabeledExpand(KDF_HKDF_SHA256(), suiteId(), key, concatBytes(label), context, length);
}
