import { type Endpoint, HANDSHAKE_PATH } from '../../protocol/endpoints.ts';
import { type ProblemCode, problems } from '../../protocol/problems.ts';

/*
 * What the API documentation is generated from. The bodies themselves are checked by the suite, which alone can open
 * them: these schemas describe and never refuse.
 */

export interface RouteSchema {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly params?: JsonSchema;
  readonly body?: JsonSchema;
  readonly response: Readonly<Record<string, JsonSchema>>;
}

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean;
}

export const apiInfo = {
  title: 'VWS server',
  description: `
KeyedMutex a message into a ciphertext that one user alone can have opened again. Clients hide the ciphertext in a video.

Every conversation runs in a session. \`POST ${HANDSHAKE_PATH}\` opens one; every other request names it by its
\`session_key\` and gets the next session key and the next AES key with the answer. Serve this API over HTTPS only: the
sealing below hides fields from somebody who listens, but does not authenticate them.

This page describes **suite 1**, which existing clients speak. In **suite 2** the same endpoints take
\`{"session_key", "payload"}\` and answer \`{"suite": 2, "payload"}\` with statuses of their own (\`GET /problems\`): all
fields are sealed and authenticated together. New clients speak it through the SDK; docs/protocol.md has it byte for byte.

### Handshake
1. The client makes an RSA key of 2048 bits (3072 and 4096 work, too) and sends the PEM text of its public key in hex.
2. The answer's \`ciphertext\` is the hex of RSA-OAEP (SHA-256, MGF1 with SHA-256, no label) of 64 characters: the hex of
   an AES-256 key.
3. The answer's \`session_key\` is sealed under that AES key.

### Sealed fields
\`seal(key, text)\` is the base64 (RFC 4648, with padding) of AES-256-ECB with PKCS#7 padding of the UTF-8 text.

### Every other request
- \`session_key\` goes in clear, every other field sealed under the current AES key.
- The answer's \`ciphertext\` is the new AES key (64 hex characters) sealed under the old one; its \`session_key\` is the
  new session key, and its \`message\`, if any, the result, both sealed under the new AES key.
- Statuses 200, 201 and 202 carry new keys. 201 and 202 carry \`error\`, a clear sentence, beside them.
- Any other status carries no keys: nothing was executed, and unless the session is gone, the old keys stay valid.

### When an answer is lost
Send the same bytes again: the request is not executed a second time, and the answer is the same. Or send another
request with the same session key: both answers are good until one of them is used.
`.trim(),
  license: { name: 'GPL-3.0-or-later', identifier: 'GPL-3.0-or-later' },
};

const SESSION_TAG = 'session';
const KEYS: Readonly<Record<string, JsonSchema>> = {
  ciphertext: text('The new AES key, sealed under the old one.'),
  session_key: text('The new session key, sealed under the new AES key.'),
};

export const handshakeSchema: RouteSchema = {
  operationId: 'createSessionKey',
  tags: [SESSION_TAG],
  summary: 'Return session key and key (AES encryption)',
  description: 'Opens a session.',
  body: object({ public_key: text('Hex of the PEM text of the client’s RSA public key.') }),
  response: {
    200: object(
      {
        ciphertext: text('Hex of the AES key under the RSA key.'),
        session_key: text('The session key, sealed under the AES key.'),
      },
      'The session is open.',
    ),
    404: constant(['Error!'], 'The public key cannot be used.'),
    ...refusals(['malformed_request', 'payload_too_large', 'too_many_requests', 'internal_error', 'overloaded']),
  },
};

/** The documentation of one endpoint that speaks inside a session. */
export function sealedSchema(name: string, endpoint: Endpoint): RouteSchema {
  const sealed = Object.entries(endpoint.fields).map(([field, meaning]) => [field, text(`Sealed. ${meaning}`)]);
  const answer = Object.entries(endpoint.answer).map(([field, meaning]) => [
    field,
    text(`Sealed under the new AES key. ${meaning}`),
  ]);
  return {
    operationId: name,
    tags: [endpoint.access === 'login' ? 'login needed' : 'open to all'],
    summary: endpoint.summary,
    description: `${endpoint.description}${endpoint.access === 'login' ? ' The session must be logged in.' : ''}`,
    ...(endpoint.pathField && {
      params: object({ [endpoint.pathField]: text('The name, in clear: percent-encoded UTF-8.') }),
    }),
    body: object({ session_key: text('The current session key, in clear.'), ...Object.fromEntries(sealed) }),
    response: {
      200: object({ ...KEYS, ...Object.fromEntries(answer) }, 'Done.'),
      ...failures(endpoint.problems),
      404: sentences('session_not_found'),
      408: sentences('session_expired'),
      ...refusals([
        'malformed_request',
        'payload_too_large',
        'unanswered_requests',
        'too_many_requests',
        'internal_error',
        'overloaded',
        'store_unavailable',
      ]),
    },
  };
}

/** Failures that are answers, by status: 201 and 202 with keys and a sentence. */
function failures(codes: readonly ProblemCode[]): Record<string, JsonSchema> {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { suite1 } = problems[code];
    if (suite1.kind === 'answer')
      byStatus.set(suite1.status, [...(byStatus.get(suite1.status) ?? []), suite1.sentence]);
  }
  const rows = [...byStatus].map(([status, said]) => [
    status,
    object(
      { ...KEYS, error: { type: 'string', enum: [...new Set(said)] } },
      'Not done; the session goes on with new keys.',
    ),
  ]);
  return Object.fromEntries(rows);
}

function sentences(code: ProblemCode): JsonSchema {
  const { suite1, title } = problems[code];
  return constant([suite1.kind === 'sentence' ? suite1.sentence : ''], title);
}

/** Problems that leave the session as it was, by status. */
function refusals(codes: readonly ProblemCode[]): Record<string, JsonSchema> {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status, title } = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), title]);
  }
  const rows = [...byStatus].map(([status, titles]) => [
    status,
    object({ error: text('What is wrong.') }, `Nothing was executed; the session stays as it was. ${titles.join(' ')}`),
  ]);
  return Object.fromEntries(rows);
}

function text(description: string): JsonSchema {
  return { type: 'string', description };
}

function constant(values: readonly string[], description: string): JsonSchema {
  return { type: 'string', enum: values, description };
}

function object(properties: Readonly<Record<string, JsonSchema>>, description?: string): JsonSchema {
  return {
    type: 'object',
    ...(description && { description }),
    required: Object.keys(properties),
    properties,
    additionalProperties: true,
  };
}

/** Options of a route that the documentation does not list. */
export const hidden = { schema: { hide: true } as object };
