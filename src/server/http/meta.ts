// Routes about the server itself: API documentation, identity, problems, health and version.
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { PROBLEMS_PATH, problems } from '../../protocol/problems.ts';
import { addDocumentationPage } from './docs.ts';
import { apiInfo, hidden } from './openapi.ts';
import { replyWithJson } from './replies.ts';

export interface MetaDependencies {
  /** Resolves if the server can do its work. */
  readonly checkReady: () => Promise<void>;
  /** The server as clients see it: its identity, its current key, its suites. */
  readonly describeServer: () => Promise<object>;
  readonly version: string;
}

/** Adds the documentation. It lists the routes that are added later, so it comes first. */
export async function addDocumentation(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { ...apiInfo, version } } });
  await addDocumentationPage(app);
  addStaticJson(app, '/openapi.json', () => app.swagger());
}

/** Adds the routes that describe the server and report its state. */
export function addMetaRoutes(app: FastifyInstance, { checkReady, describeServer, version }: MetaDependencies): void {
  addJson(app, '/.well-known/vws', describeServer);
  addStaticJson(app, PROBLEMS_PATH, () =>
    Object.fromEntries(Object.entries(problems).map(([code, { status, title }]) => [code, { status, title }])),
  );
  addStaticJson(app, '/health/live', () => ({ status: 'ok' }));
  addJson(app, '/health/ready', async () => {
    await checkReady();
    return { status: 'ok' };
  });
  addStaticJson(app, '/version', () => ({ version }));
}

function addJson(app: FastifyInstance, path: string, describe: () => object | Promise<object>): void {
  app.get(path, hidden, async (_request, reply) => replyWithJson(reply, 200, JSON.stringify(await describe())));
}

/** @param describe called once, for the first request */
function addStaticJson(app: FastifyInstance, path: string, describe: () => object): void {
  let json: Buffer | undefined;
  app.get(path, hidden, async (_request, reply) => {
    json ??= Buffer.from(JSON.stringify(describe()));
    return replyWithJson(reply, 200, json);
  });
}
