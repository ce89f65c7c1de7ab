// The security headers of every response.
import type { FastifyReply, FastifyRequest } from 'fastify';

export const DOCS_PATH = '/docs';
/** Allows the page and its own resources, also over plain HTTP, for trying the server out. */
const DOCS_CONTENT_SECURITY_POLICY =
  "default-src 'self'; base-uri 'self'; frame-ancestors 'self'; img-src 'self' data:; object-src 'none'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'";
const API_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** The defaults of helmet (https://helmetjs.github.io) that matter for an API, as constants. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  // Without includeSubDomains: whether other hosts of the domain have HTTPS is up to its owner.
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-frame-options': 'SAMEORIGIN',
} as const;

/** Sets the security headers and the request id. */
export function setHeaders(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
  const isDocs = request.url.startsWith(DOCS_PATH);
  reply.header('content-security-policy', isDocs ? DOCS_CONTENT_SECURITY_POLICY : API_CONTENT_SECURITY_POLICY);
  return reply;
}
