// Repair of envelopes that the video reader of the original desktop client alters.

/*
 * The client carries three characters of a ciphertext in a pair of frames, followed by a trailer of five characters.
 * Its reader cuts six, so a ciphertext of N characters arrives unchanged only if N mod 3 = 0. Otherwise:
 *
 *   N mod 3 = 1  arrives without its last character
 *   N mod 3 = 2  arrives with a "0" appended
 *
 * All size classes of envelope.ts have N mod 3 = 0. Those of earlier versions do not: powers of two from 256 bytes to
 * 64 KiB, then multiples of 64 KiB.
 */
const SMALLEST_CLASS = 256;
const LARGE_CLASS_STEP = 64 * 1024;

/**
 * Number of values that the last character can have, by N mod 4: in base64url it carries 2 or 4 bits. With N mod 4 = 0
 * it carries 6 bits, which no class below 192 KiB (97 minutes of video) has: not repaired.
 */
const LAST_CHARACTER_VALUES = [0, 0, 4, 16] as const;

/**
 * Yields what an altered envelope may have been. Only the authentication tag can decide, so try each with the key.
 *
 * @param carried base64url without white space
 * @returns sealed bytes; each is valid until the next one is requested
 */
export function* repairCandidates(carried: string): Generator<Uint8Array> {
  if (isEarlierClass(carried.length - 1)) yield Buffer.from(carried.slice(0, -1), 'base64url');
  if (isEarlierClass(carried.length + 1)) yield* withEachLastCharacter(carried);
}

function* withEachLastCharacter(carried: string): Generator<Uint8Array> {
  // "A" stands for zero bits, and the bits of the last character are the lowest of the last byte.
  const sealed = Buffer.from(`${carried}A`, 'base64url');
  const last = sealed.length - 1;
  const known = sealed.readUInt8(last);
  const values = LAST_CHARACTER_VALUES[((carried.length + 1) % 4) as 0 | 1 | 2 | 3];
  for (let bits = 0; bits < values; bits += 1) {
    sealed.writeUInt8(known | bits, last);
    yield sealed;
  }
}

/** Reports whether an envelope of an earlier size class can have this many characters. */
function isEarlierClass(characters: number): boolean {
  const bytes = Math.floor((characters * 3) / 4);
  if (bytes < SMALLEST_CLASS || Math.ceil((bytes * 4) / 3) !== characters) return false;
  return bytes < LARGE_CLASS_STEP ? Number.isInteger(Math.log2(bytes)) : bytes % LARGE_CLASS_STEP === 0;
}
