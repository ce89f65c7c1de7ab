import { hash } from 'node:crypto';
import { SUITE2 } from '../../../../protocol/suite2.ts';
import type { WireAnswer } from '../suite.ts';

/** What a session of suite 2 is stored under: its id itself, which opens it, is never stored. */
export function rowIdOf(sessionId: Uint8Array): Uint8Array {
  return sha256(Buffer.from('vws2 row '), sessionId);
}

export function wireAnswer(status: number, fields: Readonly<Record<string, string>>): WireAnswer {
  return { status, body: JSON.stringify({ suite: SUITE2, ...fields }) };
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}

/** Base64url without padding (RFC 4648, section 5). */
export function encodeBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

/** @returns undefined if the value is not the base64url, without padding, of anything */
export function decodeBytes(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+$/.test(value)) return undefined;
  return Buffer.from(value, 'base64url');
}
