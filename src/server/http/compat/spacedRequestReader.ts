// Reads one request of suite 1 whose request line is not valid HTTP.
import { ByteCollector } from '../bodies/byteCollector.ts';

const REQUEST_LINE = /^POST (\/encrypt\/.*) HTTP\/1\.([01])$/;
const NOT_HTTP = /[ \x80-\xff]/;
const LINE_END = '\r\n';
const HEAD_END = Buffer.from('\r\n\r\n');
export const MAX_HEAD_LENGTH = 16 * 1024;
/** Field names and values of RFC 9110, section 5. A folded line or a space before the colon does not match. */
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const CONTENT_LENGTH = /^\d{1,15}$/;
/** Two of these contradict each other, or are read differently by a proxy. */
const SINGLE_FIELDS: ReadonlySet<string> = new Set(['content-length', 'host']);

/** A complete request. */
export interface RawRequest {
  /** One character per byte. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface RequestHead extends Omit<RawRequest, 'body'> {
  /** Bytes of the body. */
  readonly length: number;
}

export interface SpacedRequestLimits {
  /** Longest body in bytes. */
  readonly maxBodyLength: number;
  /** Reserves memory for the body. @returns false if there is not enough */
  readonly reserve: (bytes: number) => boolean;
}

/** `incomplete`: more bytes are needed. `malformed` and `overloaded`: the request is refused. */
export type ReadResult = RawRequest | 'incomplete' | 'malformed' | 'overloaded';

/**
 * Reads the head, then the body, with work that is linear in the number of bytes, whatever the packets. Strict, because a
 * lenient parser behind a proxy that reads differently makes request smuggling possible (RFC 9112, section 11.2).
 */
export class SpacedRequestReader {
  readonly #limits: SpacedRequestLimits;
  readonly #head = new ByteCollector();
  readonly #body = new ByteCollector();
  #request: RequestHead | undefined;

  constructor(limits: SpacedRequestLimits) {
    this.#limits = limits;
  }

  /** Reads the next packet. */
  push(packet: Buffer): ReadResult {
    if (this.#request) return this.#readBody(this.#request, packet);
    const searched = Math.max(0, this.#head.length - HEAD_END.length + 1);
    const known = this.#head.length;
    this.#head.push(packet.subarray(0, MAX_HEAD_LENGTH - known));
    const end = this.#head.bytes().indexOf(HEAD_END, searched);
    if (end < 0) return this.#head.length < MAX_HEAD_LENGTH ? 'incomplete' : 'malformed';
    const request = parseHead(this.#head.bytes().toString('latin1', 0, end), this.#limits.maxBodyLength);
    if (!request) return 'malformed';
    this.#request = request;
    return this.#readBody(request, packet.subarray(end + HEAD_END.length - known));
  }

  #readBody({ path, headers, length }: RequestHead, packet: Buffer): ReadResult {
    // Bytes after the body are ignored: the connection is closed after the response.
    const part = packet.subarray(0, length - this.#body.length);
    if (!this.#limits.reserve(this.#body.growthFor(part.length))) return 'overloaded';
    this.#body.push(part);
    return this.#body.length < length ? 'incomplete' : { path, headers, body: this.#body.bytes() };
  }
}

/** @returns the path in the first line of a head, if the line has unencoded spaces or non-ASCII bytes */
export function spacedPath(head: string): string | undefined {
  // One pattern for line and path would take quadratic time.
  const end = head.indexOf(LINE_END);
  const path = end < 0 ? undefined : REQUEST_LINE.exec(head.slice(0, end))?.[1];
  return path !== undefined && NOT_HTTP.test(path) ? path : undefined;
}

function parseHead(head: string, maxBodyLength: number): RequestHead | undefined {
  const path = spacedPath(head + LINE_END);
  const headers = parseFields(head.split(LINE_END).slice(1));
  if (path === undefined || !headers || 'transfer-encoding' in headers) return undefined;
  const length = headers['content-length'] ?? '';
  if (!CONTENT_LENGTH.test(length) || Number(length) > maxBodyLength) return undefined;
  return { path, headers, length: Number(length) };
}

/** @returns undefined if a line is malformed, or a field that may occur once occurs twice */
function parseFields(lines: readonly string[]): Record<string, string> | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    const earlier = fields.get(key);
    if (earlier !== undefined && SINGLE_FIELDS.has(key)) return undefined;
    fields.set(key, earlier === undefined ? value.trimEnd() : `${earlier}, ${value.trimEnd()}`);
  }
  return Object.fromEntries(fields);
}
