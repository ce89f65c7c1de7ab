// Checks that what the documentation says of settings and endpoints is what the code says; `--write` makes it so.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Endpoint, endpoints, HANDSHAKE_PATH } from '../src/protocol/endpoints.ts';
import { type Setting, settings } from '../src/server/config/settings.ts';

const ROOT = join(import.meta.dirname, '..');
const rows = Object.entries(settings) as [string, Setting<unknown>][];

function settingsTable(): string {
  const lines = rows.map(([name, { fallback, secret, description }]) => {
    const shown = secret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``;
    return `| ${shown} | ${fallback === undefined ? '' : `\`${fallback}\``} | ${description} |`;
  });
  return ['| Variable | Default | Meaning |', '|:--|:--|:--|', ...lines].join('\n');
}

function apiReference(): string {
  const handshake = section('Open a session', HANDSHAKE_PATH, [
    ['public_key', 'Hex of the PEM text of an RSA public key.'],
  ]);
  const sealed = Object.values<Endpoint>(endpoints).map(({ summary, path, fields, pathField }) =>
    section(summary, path.replace(':username', '<username>'), [
      ['session_key', 'The session key, unencrypted.'],
      ...(pathField ? [[pathField, 'In the path, percent-encoded: the recipient.'] as const] : []),
      ...Object.entries(fields),
    ]),
  );
  return [handshake, ...sealed].join('\n\n');
}

function section(title: string, path: string, parameters: readonly (readonly [string, string])[]): string {
  const lines = parameters.map(([name, meaning]) => `| \`${name}\` | \`string\` | **Required**. ${meaning} |`);
  return [
    `#### ${title}`,
    '',
    '```http',
    `POST ${path}`,
    '```',
    '',
    '| Parameter | Type | Description |',
    '|:--|:--|:--|',
    ...lines,
  ].join('\n');
}

function envExample(): string {
  const lines = rows.flatMap(([name, { description, fallback, example }]) => [
    '',
    `# ${description.replaceAll('`', '')}`,
    `# ${name}=${quoted(fallback ?? example)}`,
  ]);
  return [
    '# Copy this file to .env and uncomment the lines to change.',
    '# The environment of the process takes precedence over this file.',
    ...lines,
    '',
  ].join('\n');
}

function quoted(value: string): string {
  return /[\s#"]/.test(value) ? `"${value}"` : value;
}

/** Replaces what stands between the two markers of a block. */
function withBlock(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md has no block "${name}"`);
  return `${before}${begin}\n${content}\n${end}${after}`;
}

function read(file: string): string {
  try {
    return readFileSync(join(ROOT, file), 'utf8');
  } catch {
    return '';
  }
}

/** Files of the project that a document names, in backticks or as a link. */
function namedFiles(document: string): string[] {
  const paths = [
    ...read(document).matchAll(/`((?:src|test|tools|docs|examples)\/[^`\s*]+)`|\]\((?!https?:|#)([^)#]+)\)/g),
  ];
  return paths.map(([, code, link]) => code ?? join(dirname(document), link ?? ''));
}

for (const document of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: ROOT })]) {
  for (const file of namedFiles(document)) {
    if (existsSync(join(ROOT, file))) continue;
    process.stdout.write(`${document} names ${file}, which is not there\n`);
    process.exitCode = 1;
  }
}

const readme = withBlock(withBlock(read('README.md'), 'settings', settingsTable()), 'api', apiReference());
const wanted = { 'README.md': readme, '.env.example': envExample() };

for (const [file, text] of Object.entries(wanted)) {
  if (read(file) === text) continue;
  if (process.argv.includes('--write')) {
    writeFileSync(join(ROOT, file), text);
    process.stdout.write(`${file} was written\n`);
  } else {
    process.stdout.write(`${file} is not in step with the code: run "npm run docs"\n`);
    process.exitCode = 1;
  }
}
