// The API documentation: Swagger UI, served from memory.
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { DOCS_PATH } from './headers.ts';
import { apiInfo, hidden } from './openapi.ts';

/** The files of Swagger UI in the package, without its plugin, which reads them from disk for each request. */
const FOLDER = new URL('static/', import.meta.resolve('@fastify/swagger-ui'));
const CSS = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

/** Links are relative, so that a proxy can serve the page under another path. */
const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${apiInfo.title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;
const START = "SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true });\n";

/** Adds the page that shows the OpenAPI document. */
export async function addDocumentationPage(app: FastifyInstance): Promise<void> {
  const files: readonly [path: string, type: string, content: Buffer][] = [
    ['', 'text/html; charset=utf-8', Buffer.from(PAGE)],
    ['/start.js', SCRIPT, Buffer.from(START)],
    ['/swagger-ui.css', CSS, await readFile(new URL('swagger-ui.css', FOLDER))],
    ['/swagger-ui-bundle.js', SCRIPT, await readFile(new URL('swagger-ui-bundle.js', FOLDER))],
  ];
  for (const [path, type, content] of files) {
    app.get(DOCS_PATH + path, hidden, async (_request, reply) => reply.type(type).send(content));
  }
  for (const path of ['/', `${DOCS_PATH}/`])
    app.get(path, hidden, async (_request, reply) => reply.redirect(DOCS_PATH));
}
