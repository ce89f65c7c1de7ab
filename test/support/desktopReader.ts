/** Model of the original desktop client's video path: what its reader returns for a ciphertext. */

const CHARACTERS_PER_PAIR = 3;
const TRAILER = '00000';
/** The reader cuts one character more than the writer appended. */
const CUT = 6;

/** Returns a ciphertext as the client's reader does, by the rule observed on the client's own classes. */
export function carry(ciphertext: string): string {
  const stream = ciphertext + TRAILER;
  const pairs = Math.ceil(stream.length / CHARACTERS_PER_PAIR);
  return stream.padEnd(pairs * CHARACTERS_PER_PAIR, '\0').slice(0, -CUT);
}

/** Returns the number of frames that the client needs for a ciphertext. */
export function framesFor(ciphertext: string): number {
  return 2 * (Math.floor((ciphertext.length + TRAILER.length) / CHARACTERS_PER_PAIR) + 1);
}
