// Malformed and hostile requests inside a session.
import fc from 'fast-check';
import { newPassword, newPerson } from '../support/people.ts';
import { type Fields, seal } from '../support/suite1Client.ts';
import type { Target } from './target.ts';

const MAX_GARBAGE = 80;
const MAX_DEPTH = 20_000;

/** Fields of a valid request to each endpoint. */
export function goodFields({ person }: Target): Record<string, Fields> {
  return {
    '/create_session_key': {},
    '/register_user': { ...newPerson() },
    '/login_user': { email: person.email, password: person.password },
    [`/encrypt/${person.username}`]: { message: 'text' },
    '/decrypt': { message: 'x'.repeat(342) },
    '/change_username': { new_username: newPerson().username, password: person.password },
    '/change_password': { password: person.password, new_password: newPassword() },
    '/forgot_password': { email: person.email },
    '/confirm_forgot_password': { code: 'ABCDEF' },
    '/final_forgot_password': { new_password: newPassword() },
  };
}

export const endpointIndex = fc.nat({ max: 9 });

/** Content of a field in place of its sealed text; `sealed` is sealed under the session's key. */
export type FieldValue = { readonly plain: unknown } | { readonly sealed: Uint8Array } | { readonly json: string };

const nastyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 50 }),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '\n',
    '\u202e',
    '\ufeff',
    '\ufffd',
    'ﷺ'.repeat(500),
    'a\u0301\u0323'.repeat(200),
    '.',
    '..',
  ),
  fc.constantFrom("'; DROP TABLE users; --", '%00', '../../etc/passwd', `\${jndi:x}`, '\r\nBcc: x@example.org'),
  fc.emailAddress(),
);

export const fieldValue: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.record({ sealed: nastyText.map((text) => new Uint8Array(Buffer.from(text, 'utf8'))) }),
  // Opens, but need not be UTF-8.
  fc.record({ sealed: fc.uint8Array({ maxLength: MAX_GARBAGE }) }),
  // Of every length: incomplete blocks, or the wrong ones.
  fc.record({
    plain: fc.uint8Array({ maxLength: MAX_GARBAGE }).map((bytes) => Buffer.from(bytes).toString('base64')),
  }),
  fc.record({ plain: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()) }),
  fc.record({
    json: fc.constantFrom(
      '1e999',
      `-${'9'.repeat(400)}`,
      '0.1e-400',
      '"\\ud800"',
      '"\\u0000"',
      '[[[]]]',
      '{"__proto__":{}}',
      '{"length":3}',
    ),
  }),
);

/** A body in which some fields are malformed. */
export function bodyWith(fields: Fields, changes: readonly FieldValue[], aesKey: string, sessionKey: string): string {
  const members = Object.entries(fields).map(([name, text], index) => {
    const change = changes[index % Math.max(1, changes.length)];
    return `${JSON.stringify(name)}:${memberOf(change, text, aesKey)}`;
  });
  return `{${[`"session_key":${JSON.stringify(sessionKey)}`, ...members].join(',')}}`;
}

function memberOf(change: FieldValue | undefined, text: string, aesKey: string): string {
  if (!change) return JSON.stringify(seal(aesKey, text));
  if ('json' in change) return change.json;
  if ('sealed' in change) return JSON.stringify(seal(aesKey, Buffer.from(change.sealed)));
  return JSON.stringify(change.plain) ?? 'null';
}

/** A change of the bytes of a valid request. */
export type Mutation = (body: Buffer) => Buffer;

const truncate = fc.nat().map(
  (at): Mutation =>
    (body) =>
      body.subarray(0, at % (body.length + 1)),
);
const flip = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 })), { minLength: 1, maxLength: 4 }).map(
  (flips): Mutation =>
    (body) => {
      const flipped = Buffer.from(body);
      for (const [at, bit] of flips) {
        const index = at % flipped.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
      }
      return flipped;
    },
);
const insert = fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(([at, bytes]): Mutation => {
  return (body) => {
    const index = at % (body.length + 1);
    return Buffer.concat([body.subarray(0, index), bytes, body.subarray(index)]);
  };
});
const wrap = fc.constantFrom<Mutation>(
  (body) => Buffer.concat([Buffer.from('['), body, Buffer.from(']')]),
  (body) => Buffer.concat([body, body]),
  (body) => Buffer.from(JSON.stringify(body.toString())),
  (body) => Buffer.from(body.toString(), 'utf16le'),
  (body) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]),
  // Repeated names, and names that every object has.
  (body) => Buffer.concat([Buffer.from('{"session_key":1,"message":2,"email":[],'), body.subarray(1)]),
  (body) => Buffer.concat([body.subarray(0, -1), Buffer.from(',"session_key":"again"}')]),
  (body) => Buffer.concat([Buffer.from('{"__proto__":'), body, Buffer.from('}')]),
  (body) => Buffer.concat([Buffer.from('{"constructor":{"prototype":1},"toString":1,'), body.subarray(1)]),
);
const nest = fc.tuple(fc.integer({ min: 1, max: MAX_DEPTH }), fc.constantFrom('[', '{"a":', '{"session_key":[')).map(
  ([depth, piece]): Mutation =>
    () =>
      Buffer.from(piece.repeat(depth)),
);
const replace = fc
  .oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
  )
  .map(
    (bytes): Mutation =>
      () =>
        Buffer.from(bytes),
  );

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(truncate, flip, insert, wrap, nest, replace);

/** Header values that Node's client accepts. */
export const headers: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ 'content-type': 'application/json' }) },
  fc.constant({}),
  fc
    .constantFrom(
      'text/plain',
      'application/json; charset=utf-16',
      'multipart/form-data; boundary=x',
      'a',
      '/',
      '*/*',
      ';',
    )
    .map((type) => ({ 'content-type': type })),
  fc.stringMatching(/^[!-~]{1,60}$/).map((type) => ({ 'content-type': type })),
  fc.constantFrom('gzip', 'br', 'identity', 'nonsense').map((encoding) => ({ 'content-encoding': encoding })),
  fc.stringMatching(/^[!-~ ]{0,60}$/).map((value) => ({
    'x-forwarded-for': value,
    'x-forwarded-host': value,
    'x-forwarded-proto': value,
    forwarded: value,
    origin: value,
    cookie: value,
    authorization: value,
  })),
);
