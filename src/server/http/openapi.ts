// OpenAPI schemas and texts, generated from the tables of endpoints and problems.
import { type Endpoint, HANDSHAKE_PATH } from '../../protocol/endpoints.ts';
import { type ProblemCode, problems } from '../../protocol/problems.ts';

/*
 * These schemas describe requests and never reject one: only the suite can decrypt a body, so only it can check it
 * (docs/decisions/001).
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
Users encrypt messages that only the chosen recipient can decrypt. Clients hide the ciphertext in a video.

All other requests run in a session. \`POST ${HANDSHAKE_PATH}\` opens one. Every request identifies it by its
\`session_key\`, and every response carries the next session key and the next AES key. Serve this API over HTTPS only:
the encryption below hides fields from a passive eavesdropper but does not authenticate them.

This page describes **suite 1**, which existing clients use. In **suite 2** the same endpoints take
\`{"session_key", "payload"}\` and return \`{"suite": 2, "payload"}\` with their own statuses (\`GET /problems\`): all
fields are encrypted and authenticated together. New clients use it through the SDK; docs/protocol.md specifies it byte
for byte.

### Handshake
1. The client generates an RSA key of 2048 to 4096 bits and sends the PEM text of its public key in hex.
2. The \`ciphertext\` of the response is the hex of RSA-OAEP (SHA-256, MGF1 with SHA-256, no label) of 64 characters: the hex of
   an AES-256 key.
3. The \`session_key\` of the response is sealed under that AES key.

### Sealed fields
\`seal(key, text)\` is the base64 (RFC 4648, with padding) of AES-256-ECB with PKCS#7 padding of the UTF-8 text.

### Every other request
- \`session_key\` is sent unencrypted, every other field sealed under the current AES key.
- In the response, \`ciphertext\` is the new AES key (64 hex characters) sealed under the old one. \`session_key\` is the
  new session key and \`message\`, if present, the result; both are sealed under the new AES key.
- Responses with status 200, 201 or 202 carry new keys. 201 and 202 also carry \`error\`, an unencrypted sentence.
- Responses with any other status carry no keys: nothing was executed, and unless the session has ended, the old keys
  stay valid.

### Lost responses
Send the same bytes again: the request is not executed a second time and gets the same response. Or send a different
request with the same session key: both responses stay usable until one of them is used.
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
  summary: 'Open a session',
  description: 'Returns the session key and the AES key of a new session.',
  body: object({ public_key: text('Hex of the PEM text of the client’s RSA public key.') }),
  response: {
    200: object(
      {
        ciphertext: text('Hex of the AES key, encrypted under the RSA key.'),
        session_key: text('The session key, sealed under the AES key.'),
      },
      'The session is open.',
    ),
    404: constant(['Error!'], 'Invalid public key.'),
    ...refusals(['malformed_request', 'payload_too_large', 'too_many_requests', 'internal_error', 'overloaded']),
  },
};

/** Returns the schema of one endpoint inside a session. */
export function sealedSchema(name: string, endpoint: Endpoint): RouteSchema {
  const sealed = Object.entries(endpoint.fields).map(([field, meaning]) => [field, text(`Sealed. ${meaning}`)]);
  const response = Object.entries(endpoint.response).map(([field, meaning]) => [
    field,
    text(`Sealed under the new AES key. ${meaning}`),
  ]);
  return {
    operationId: name,
    tags: [endpoint.access === 'login' ? 'login required' : 'no login required'],
    summary: endpoint.summary,
    description: `${endpoint.description}${endpoint.access === 'login' ? ' The session must be logged in.' : ''}`,
    ...(endpoint.pathField && {
      params: object({ [endpoint.pathField]: text('The recipient, unencrypted: percent-encoded UTF-8.') }),
    }),
    body: object({ session_key: text('The current session key, unencrypted.'), ...Object.fromEntries(sealed) }),
    response: {
      200: object({ ...KEYS, ...Object.fromEntries(response) }, 'Done.'),
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

/** Failures inside the session, by status: 201 and 202 with new keys and a sentence. */
function failures(codes: readonly ProblemCode[]): Record<string, JsonSchema> {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { suite1 } = problems[code];
    if (suite1.kind === 'response')
      byStatus.set(suite1.status, [...(byStatus.get(suite1.status) ?? []), suite1.sentence]);
  }
  const rows = [...byStatus].map(([status, said]) => [
    status,
    object(
      { ...KEYS, error: { type: 'string', enum: [...new Set(said)] } },
      'Not done; the session continues with new keys.',
    ),
  ]);
  return Object.fromEntries(rows);
}

function sentences(code: ProblemCode): JsonSchema {
  const { suite1, title } = problems[code];
  return constant([suite1.kind === 'sentence' ? suite1.sentence : ''], title);
}

/** Problems that leave the session unchanged, by status. */
function refusals(codes: readonly ProblemCode[]): Record<string, JsonSchema> {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status, title } = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), title]);
  }
  const rows = [...byStatus].map(([status, titles]) => [
    status,
    object({ error: text('The problem.') }, `Nothing was executed; the session is unchanged. ${titles.join(' ')}`),
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
