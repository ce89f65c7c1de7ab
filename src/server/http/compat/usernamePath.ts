/*
 * Suite 1 has the recipient's name as the last segment of the path. Clients percent-encode it, or write it as it is, in
 * UTF-8 or in Latin-1, so that `%`, `/` and `?` may be part of the name or of the address. The segment is therefore
 * taken as the client sent it, and each way to read it is tried.
 */
/** Longest segment: a name of 64 characters, each of 4 bytes, each byte percent-encoded twice. */
export const MAX_SEGMENT_LENGTH = 64 * 4 * 9;
const PREFIX = '/encrypt/';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PLAIN = /^[A-Za-z0-9_.~-]*$/;

/**
 * Makes everything after `/encrypt/` one path segment, which the router decodes back to what was sent.
 *
 * @param url the request target as Node gives it: one character for each byte
 */
export function isolateUsername(url: string): string {
  return url.startsWith(PREFIX) ? PREFIX + encodeURIComponent(url.slice(PREFIX.length)) : url;
}

/** Percent-encodes a path that was written as it is: every byte of its name stands for itself. */
export function encodeRawPath(path: string): string {
  const name = Buffer.from(path.slice(PREFIX.length), 'latin1');
  return PREFIX + Array.from(name, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/**
 * The names that a segment may mean. The standard reading comes first: nobody intercepts the messages for `ü` by
 * registering `%C3%BC`.
 *
 * @param segment as sent: one character for each byte
 */
export function usernameCandidates(segment: string): string[] {
  if (PLAIN.test(segment)) return [segment];
  // Never a part of the segment: a message for "part?" must not reach "part".
  const readings = [percentDecode(segment), segment];
  // As they are, too: the Latin-1 of some names happens to be the UTF-8 of others.
  return [...new Set([...readings.map(decodeText), ...readings])];
}

/** Replaces each `%XX` by its byte and leaves any other `%` alone. */
function percentDecode(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function decodeText(bytes: string): string {
  try {
    return UTF8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return bytes;
  }
}
