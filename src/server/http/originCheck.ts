// Refuses requests of web pages from other sites, which could use up the limits of the address that they are visited from.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../../protocol/problems.ts';

const DEFAULT_PORT = /:(?:80|443)$/;

/**
 * Refuses requests that change something from foreign pages, before they are counted. A page can send them without CORS, as
 * `text/plain`, although it cannot read the responses. Programs send none of the headers.
 *
 * @param corsOrigins origins that are not foreign
 */
export function refuseForeignPages(app: FastifyInstance, corsOrigins: readonly string[]): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.method === 'POST' && isForeign(request, corsOrigins)) done(new Problem('origin_refused'));
    else done();
  });
}

function isForeign({ headers, host }: FastifyRequest, corsOrigins: readonly string[]): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && corsOrigins.includes(origin)) return false;
  // A browser knows its origin better than a server behind a proxy knows its own name.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  // Sent over HTTPS and to localhost only, and not by old browsers.
  return origin !== undefined && hostOf(origin.replace(/^https?:\/\//, '')) !== hostOf(host);
}

function hostOf(host: string): string {
  return host.toLowerCase().replace(DEFAULT_PORT, '');
}
