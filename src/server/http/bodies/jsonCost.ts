// Bounds the cost of JSON before it is parsed: parsing many small or nested values takes far longer than their bytes suggest.

/** Depth of unknown fields, which are ignored; known fields are strings. */
const MAX_DEPTH = 16;
/** A request has at most a handful of fields. */
const MAX_VALUES = 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * Reports whether a JSON text has few values and levels. Reads each byte once or twice and allocates nothing. The result
 * holds for a malformed text as well, up to the position where a parser stops.
 *
 * @param bytes UTF-8
 */
export function hasFewValues(bytes: Uint8Array): boolean {
  let depth = 0;
  let values = 0;
  for (let position = 0; position < bytes.length; position += 1) {
    const byte = bytes[position];
    if (byte === QUOTE) {
      position = endOfString(bytes, position + 1);
    } else if (byte === COMMA || byte === OPENING_BRACE || byte === OPENING_BRACKET) {
      if (byte !== COMMA) depth += 1;
      values += 1;
      if (values > MAX_VALUES || depth > MAX_DEPTH) return false;
    } else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
      depth -= 1;
    }
  }
  return true;
}

/** Returns the position of the closing quote, or the length of the text. */
function endOfString(bytes: Uint8Array, start: number): number {
  const quote = bytes.indexOf(QUOTE, start);
  if (quote < 0) return bytes.length;
  if (bytes[quote - 1] !== BACKSLASH) return quote;
  let position = start;
  while (position < bytes.length && bytes[position] !== QUOTE) position += bytes[position] === BACKSLASH ? 2 : 1;
  return position;
}
