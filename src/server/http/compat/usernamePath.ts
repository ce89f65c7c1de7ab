// Recipient names in the paths of suite 1.

/*
 * In suite 1 the recipient's name is the last segment of the path. Clients percent-encode it, or send it verbatim in
 * UTF-8 or Latin-1, so `%`, `/` and `?` may be part of the name or of the URL. The segment is therefore kept as sent,
 * and each reading of it is tried.
 */
/** Longest segment: a name of 64 characters, each of 4 bytes, each byte percent-encoded twice. */
export const MAX_SEGMENT_LENGTH = 64 * 4 * 9;
const PREFIX = '/encrypt/';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PLAIN = /^[A-Za-z0-9_.~-]*$/;

/**
 * Turns everything after `/encrypt/` into one path segment, which the router decodes to the bytes that were sent.
 *
 * @param url request target from Node: one character per byte
 */
export function isolateUsername(url: string): string {
  return url.startsWith(PREFIX) ? PREFIX + encodeURIComponent(url.slice(PREFIX.length)) : url;
}

/** Percent-encodes every byte of the name in a path that was sent verbatim. */
export function encodeRawPath(path: string): string {
  const name = Buffer.from(path.slice(PREFIX.length), 'latin1');
  return PREFIX + Array.from(name, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/**
 * Returns the names that a segment may mean. The standard reading comes first, so that a user with the name `%C3%BC` does not
 * get the messages for `ü`. The reverse happens if a client sends `%C3%BC` verbatim: new names must not look like that.
 *
 * @param segment as sent: one character per byte
 */
export function usernameCandidates(segment: string): string[] {
  if (PLAIN.test(segment)) return [segment];
  // Only whole segments: a message for "part?" must not reach "part".
  const readings = [percentDecode(segment), segment];
  // Undecoded readings too: the Latin-1 bytes of some names are the UTF-8 bytes of others.
  return [...new Set([...readings.map(decodeText), ...readings])];
}

/** Replaces each `%XX` by its byte; any other `%` stays. */
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
