// Assertions on suite 1 responses: status, content type, every field of the body.
import assert from 'node:assert/strict';
import type { Keys, Suite1Client, Suite1Response } from './suite1Client.ts';

const NEW_KEYS = ['ciphertext', 'session_key'];

/** Asserts a success with new keys and nothing else. */
export function expectDone(answer: Suite1Response): Keys {
  expectJson(answer, 200, NEW_KEYS);
  assert.ok(answer.keys);
  return answer.keys;
}

/** Asserts a success with new keys and a result. @returns the opened result */
export function expectMessage(answer: Suite1Response): string {
  expectJson(answer, 200, [...NEW_KEYS, 'message']);
  assert.ok(answer.message !== undefined);
  return answer.message;
}

/** Asserts a failure with new keys: the session continues. */
export function expectFailure(answer: Suite1Response, status: 201 | 202, sentence: string): void {
  assert.equal(answer.error, sentence, answer.text);
  expectJson(answer, status, [...NEW_KEYS, 'error']);
  assert.ok(answer.keys);
}

/** Asserts a failure that ends the session: a JSON string without keys. */
export function expectRefused(answer: { status: number; contentType: string; text: string }, status: 404 | 408): void {
  const sentence = { 404: '"Session not found!"', 408: '"Session timeout exceeded!"' }[status];
  assert.equal(answer.text, sentence);
  assert.equal(answer.status, status);
  assert.match(answer.contentType, /^application\/json\b/);
}

/** Asserts the response to a malformed request: a sentence without keys. */
export function expectMalformed(answer: { status: number; contentType: string; text: string }): void {
  assert.equal(answer.status, 400, answer.text);
  assert.match(answer.contentType, /^application\/json\b/);
  const body = JSON.parse(answer.text) as { error?: unknown };
  assert.deepEqual(Object.keys(body), ['error']);
  assert.ok(typeof body.error === 'string' && body.error.length > 0);
}

function expectJson(answer: Suite1Response, status: number, names: string[]): void {
  assert.equal(answer.status, status, answer.text.slice(0, 200));
  assert.match(answer.contentType, /^application\/json\b/);
  assert.deepEqual(Object.keys(answer.body as object).sort(), names.sort());
}

/** Encrypts in one session and decrypts in another. @returns the ciphertext */
export async function expectDelivered(
  from: Suite1Client,
  to: Suite1Client,
  username: string,
  text = 'anything',
): Promise<string> {
  const ciphertext = expectMessage(await from.encrypt(username, text));
  assert.equal(expectMessage(await to.decrypt(ciphertext)), text);
  return ciphertext;
}

/** Far above the time of a request on a busy machine, far below the time that a blocked server takes. */
const SERVED_WITHIN_MS = 12_000;

/** A well-behaved client is served without a noticeable delay. */
export async function expectServed(client: Suite1Client, { username }: { username: string }): Promise<void> {
  const begun = performance.now();
  await expectDelivered(client, client, username);
  const took = Math.round(performance.now() - begun);
  assert.ok(took < SERVED_WITHIN_MS, `served after ${took} ms`);
}
