// Request bodies: their limits, and JSON read from bytes whatever the Content-Type.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../../protocol/problems.ts';
import { SUITE2, speaksSuite2 } from '../../protocol/suite2.ts';
import type { Body } from '../sessions/suites/suite.ts';
import type { BodyReader } from './bodies/bodyReader.ts';
import { hasFewValues } from './bodies/jsonCost.ts';

/** Longest body, in bytes, of a request without a message. */
export const SHORT_BODY_LIMIT = 256 * 1024;
/** Bytes of a body in addition to its one long text. */
const BODY_ALLOWANCE = 64 * 1024;
/** A text grows by 4/3 in an envelope and by 4/3 under its seal, plus padding and escapes. */
const BODY_GROWTH = 3;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const suite2Requests = new WeakSet<FastifyRequest>();

/** @returns the longest body, in bytes, of a request with a message */
export function maxBodyLength(maxTextBytes: number): number {
  return maxTextBytes * BODY_GROWTH + BODY_ALLOWANCE;
}

/** Accepts any Content-Type: existing clients send various ones, or none. Only the bytes count. */
export function acceptAnyBody(app: FastifyInstance, reader: BodyReader): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, payload, done) => reader.read(request, payload, done));
  app.addHook('onSend', (request, _reply, payload, done) => {
    reader.release(request);
    done(null, payload);
  });
  app.addHook('onClose', async () => reader.close());
  // An invalid type would be rejected before any parser is called.
  app.addHook('onRequest', async (request) => {
    request.headers['content-type'] = undefined;
  });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

/**
 * Parses the body, and remembers the suite in which a problem has to be reported.
 *
 * @throws Problem `malformed_request`, or the reason for which the body was not read
 */
export function readBody(request: FastifyRequest): Body {
  if (request.body instanceof Error) throw request.body;
  const body = parseBody(request.body);
  noteSuite(request, body);
  return body;
}

/** Remembers the suite of a request from the beginning of its body. */
export function noteSuite(request: FastifyRequest, body: Parameters<typeof speaksSuite2>[0]): void {
  if (speaksSuite2(body)) suite2Requests.add(request);
}

/** @returns the suite of a request; 1 if its body was not read */
export function suiteOf(request: FastifyRequest): number {
  return suite2Requests.has(request) ? SUITE2 : 1;
}

/**
 * Parses a JSON object.
 *
 * @param bytes UTF-8
 * @throws Problem `malformed_request`
 */
export function parseBody(bytes: unknown): Body {
  if (!(bytes instanceof Uint8Array)) throw malformed('The request has no body.');
  if (!hasFewValues(bytes)) throw malformed('The body has too many values or levels.');
  const value = parseJson(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('The body is not a JSON object.');
  }
  return value as Body;
}

/**
 * Returns the text of a field.
 *
 * @throws Problem `malformed_request` if the field is missing or not a string
 */
export function textField(body: Body, name: string): string {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  if (typeof value !== 'string') throw malformed(`The field ${name} is missing or not a string.`);
  return value;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    throw malformed('The body is not JSON in UTF-8.');
  }
}

function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail });
}
