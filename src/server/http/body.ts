import { Problem } from '../../protocol/problems.ts';
import type { Body } from '../sessions/suites/suite.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a JSON object.
 *
 * @param bytes UTF-8; whatever the Content-Type said, since existing clients name many
 * @throws Problem `malformed_request`
 */
export function parseBody(bytes: unknown): Body {
  if (!(bytes instanceof Uint8Array)) throw malformed('The request has no body.');
  const value = parseJson(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('The body is not a JSON object.');
  }
  return value as Body;
}

/** @returns the text of a field. @throws Problem `malformed_request` if it is missing or of another type */
export function textField(body: Body, name: string): string {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  if (typeof value !== 'string') throw malformed(`The field ${name} is missing or not a text.`);
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
