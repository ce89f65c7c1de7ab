// HPKE in the cipher suite of VWS.
import { KEY_LENGTH, NONCE_LENGTH, openWithNonce, sealWithNonce } from './aead.ts';
import { expand, hmac } from './derive.ts';
import { type XWingKeyPair, xwingDecapsulate, xwingEncapsulate } from './xwing.ts';

/*
 * HPKE (RFC 9180) in base and PSK mode with X-Wing, HKDF-SHA256 and AES-256-GCM, one message per context. The message
 * is sealed under the base nonce, because its sequence number is 0.
 */
const KEM_ID = 0x647a;
const KDF_ID = 0x0001;
const AEAD_ID = 0x0002;
const HASH_LENGTH = 32;
const MODE = { base: 0, psk: 1 } as const;
const EMPTY = new Uint8Array();

const SUITE_ID = Buffer.concat([Buffer.from('HPKE'), uint16(KEM_ID), uint16(KDF_ID), uint16(AEAD_ID)]);
const VERSION = Buffer.from('HPKE-v1');

/** Pre-shared key (RFC 9180, section 5.1.2). */
interface Psk {
  /** At least 32 bytes. */
  readonly secret: Uint8Array;
  readonly id: Uint8Array;
}

/** The secrets that both parties share after a setup: the key schedule of RFC 9180, section 5.1. */
export class HpkeContext {
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #exporterSecret: Uint8Array;

  constructor(sharedSecret: Uint8Array, info: Uint8Array, psk?: Psk) {
    const scheduleContext = Buffer.concat([
      Uint8Array.of(psk ? MODE.psk : MODE.base),
      labeledExtract(EMPTY, 'psk_id_hash', psk?.id ?? EMPTY),
      labeledExtract(EMPTY, 'info_hash', info),
    ]);
    const secret = labeledExtract(sharedSecret, 'secret', psk?.secret ?? EMPTY);
    this.#key = labeledExpand(secret, 'key', scheduleContext, KEY_LENGTH);
    this.#nonce = labeledExpand(secret, 'base_nonce', scheduleContext, NONCE_LENGTH);
    this.#exporterSecret = labeledExpand(secret, 'exp', scheduleContext, HASH_LENGTH);
  }

  /** Encrypts the first and only message. */
  seal(associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
    return sealWithNonce(this.#key, this.#nonce, plaintext, associatedData);
  }

  /** @returns undefined if it does not open */
  open(associatedData: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    return openWithNonce(this.#key, this.#nonce, ciphertext, associatedData);
  }

  /** Returns a secret of `length` bytes, up to 32, for another purpose. */
  export(context: string, length: number): Uint8Array<ArrayBuffer> {
    return labeledExpand(this.#exporterSecret, 'sec', Buffer.from(context), length);
  }
}

/** @returns undefined if the public key is invalid */
export function setupSender(
  publicKey: Uint8Array,
  info: Uint8Array,
  psk?: Psk,
): { encapsulated: Uint8Array<ArrayBuffer>; context: HpkeContext } | undefined {
  const encapsulation = xwingEncapsulate(publicKey);
  return (
    encapsulation && {
      encapsulated: encapsulation.ciphertext,
      context: new HpkeContext(encapsulation.sharedSecret, info, psk),
    }
  );
}

/** @returns undefined if the encapsulated key is invalid */
export function setupReceiver(
  keyPair: XWingKeyPair,
  encapsulated: Uint8Array,
  info: Uint8Array,
  psk?: Psk,
): HpkeContext | undefined {
  const sharedSecret = xwingDecapsulate(keyPair, encapsulated);
  return sharedSecret && new HpkeContext(sharedSecret, info, psk);
}

function labeledExtract(salt: Uint8Array, label: string, input: Uint8Array): Uint8Array {
  return hmac(salt, VERSION, SUITE_ID, label, input);
}

/** One block of HKDF-Expand is sufficient, because no output is longer than a hash. */
function labeledExpand(secret: Uint8Array, label: string, info: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  if (length > HASH_LENGTH) throw new RangeError(`At most ${HASH_LENGTH} bytes can be exported, not ${length}.`);
  return expand(secret, uint16(length), VERSION, SUITE_ID, label, info).subarray(0, length);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
