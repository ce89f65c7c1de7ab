// Encodings that only suite 2 uses.
import { hash } from 'node:crypto';
import { SUITE2 } from '../../../../protocol/suite2.ts';
import type { WireResponse } from '../suite.ts';

/** Returns the id that a session is stored under. The session id itself, which opens the session, is never stored. */
export function rowIdOf(sessionId: Uint8Array): Uint8Array {
  return sha256(Buffer.from('vws2 row '), sessionId);
}

export function wireResponse(status: number, fields: Readonly<Record<string, string>>): WireResponse {
  return { status, body: JSON.stringify({ suite: SUITE2, ...fields }) };
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}
