// Reads the fields of responses.
import { VwsError } from './error.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** @throws {VwsError} `bad_answer` if the field is not a text */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw missing(name);
  return value;
}

export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** @throws {VwsError} `bad_answer` if the field is not a number */
export function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number') throw missing(name);
  return value;
}

export function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

/** @throws {VwsError} `bad_answer` if the field is not a number */
export function timeOf(fields: Fields, name: string): Date {
  return new Date(numberOf(fields, name));
}

/** @param value milliseconds since 1970 */
export function timeOrNull(value: unknown): Date | null {
  return typeof value === 'number' ? new Date(value) : null;
}

/** @throws {VwsError} `bad_answer` if the field is not a list */
export function listOf(fields: Fields, name: string): Fields[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw missing(name);
  return value;
}

function missing(name: string): VwsError {
  return new VwsError('bad_answer', `The response does not contain ${name}.`);
}
