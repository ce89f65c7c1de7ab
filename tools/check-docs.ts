// Checks that the documents match the code: generated tables, .env.example and file links. `--write` regenerates them.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Endpoint, endpoints, HANDSHAKE_PATH } from '../src/protocol/endpoints.ts';
import { problems, type Suite1Form } from '../src/protocol/problems.ts';
import { type Setting, settings } from '../src/server/config/settings.ts';

const ROOT = join(import.meta.dirname, '..');

/** Everything that a reader has to know about one endpoint. */
interface ApiEntry {
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly (readonly [name: string, meaning: string])[];
  /** Fields that only clients of suite 2 may send. */
  readonly optional: readonly (readonly [name: string, meaning: string])[];
  readonly response: readonly (readonly [name: string, meaning: string])[];
  readonly problems: readonly string[];
}

const HANDSHAKE: ApiEntry = {
  path: HANDSHAKE_PATH,
  summary: 'Open a session',
  description: 'Returns the session key and the AES key of a new session.',
  parameters: [['public_key', 'Hex of the PEM text of an RSA public key.']],
  optional: [],
  response: [],
  problems: ['handshake_refused'],
};

const api = [HANDSHAKE, ...Object.values<Endpoint>(endpoints).map(apiEntry)];
const settingRows = Object.entries(settings) as [string, Setting<unknown>][];

function apiEntry(endpoint: Endpoint): ApiEntry {
  const { path, summary, description, fields, pathField, response, suite2Fields, suite2Response, suites } = endpoint;
  const inSuite2 = Object.entries(suite2Response ?? {}).map(
    ([name, meaning]) => [name, `${meaning} Suite 2 only.`] as const,
  );
  return {
    path: path.replace(':username', '<username>'),
    summary,
    description: suites ? `${description} Suite ${suites.join(', ')} only.` : description,
    parameters: [
      ['session_key', 'The session key, unencrypted.'],
      ...(pathField ? [[pathField, 'The recipient, percent-encoded in the path.'] as const] : []),
      ...Object.entries(fields),
    ],
    optional: Object.entries(suite2Fields ?? {}),
    response: [...Object.entries(response), ...inSuite2],
    problems: endpoint.problems,
  };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => ':--'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const code = (text: string | number): string => `\`${text}\``;

function apiOverview(): string {
  const rows = api.map(({ path, summary, parameters }) => [
    code(`POST ${path}`),
    parameters.map(([name]) => code(name)).join(', '),
    summary,
  ]);
  return table(['Endpoint', 'Parameters', 'Purpose'], rows);
}

function apiReference(): string {
  return api.map(apiSection).join('\n\n');
}

function apiSection({ path, summary, description, parameters, optional, response, problems }: ApiEntry): string {
  const rows = [
    ...parameters.map(([name, meaning]) => [code(name), code('string'), `**Required**. ${meaning}`]),
    ...optional.map(([name, meaning]) => [code(name), code('string'), `Optional, suite 2 only. ${meaning}`]),
  ];
  return [
    `## ${summary}`,
    `${code(`POST ${path}`)}: ${description}`,
    table(['Parameter', 'Type', 'Description'], rows),
    ...(response.length > 0
      ? [
          table(
            ['Response field', 'Description'],
            response.map(([name, ...rest]) => [code(name), ...rest]),
          ),
        ]
      : []),
    ...(problems.length > 0 ? [`Problems: ${problems.map(code).join(', ')}.`] : []),
  ].join('\n\n');
}

function problemTable(): string {
  const rows = Object.entries(problems).map(([name, { title, status, suite1 }]) => [
    code(name),
    String(status),
    suite1Form(suite1, status),
    title,
  ]);
  return table(['Code', 'Status, suite 2', 'Suite 1', 'Title'], rows);
}

function suite1Form(form: Suite1Form, status: number): string {
  return form.kind === 'refusal' ? String(status) : `${form.status} ${code(form.sentence)}`;
}

function settingsTable(): string {
  const rows = settingRows.map(([name, { fallback, secret, description }]) => [
    secret ? `${code(name)}, ${code(`${name}_FILE`)}` : code(name),
    fallback === undefined ? '' : code(fallback),
    description,
  ]);
  return table(['Variable', 'Default', 'Meaning'], rows);
}

function envExample(): string {
  const lines = settingRows.flatMap(([name, { description, fallback, example }]) => [
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

/** Returns a document with each of its generated blocks replaced. */
function withBlocks(file: string, blocks: Readonly<Record<string, string>>): string {
  let text = read(file);
  for (const [name, content] of Object.entries(blocks)) {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`${file} has no block "${name}"`);
    text = `${before}${begin}\n${content}\n${end}${after}`;
  }
  return text;
}

function read(file: string): string {
  try {
    return readFileSync(join(ROOT, file), 'utf8');
  } catch {
    return '';
  }
}

/** Returns the project files that a document names, in backticks or as links. */
function namedFiles(document: string): string[] {
  const paths = read(document).matchAll(
    /`((?:src|test|tools|docs|examples|bench)\/[^`\s*]+)`|\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g,
  );
  return [...paths].map(([, inCode, link]) => inCode ?? join(dirname(document), link ?? ''));
}

function fail(message: string): void {
  process.stdout.write(`${message}\n`);
  process.exitCode = 1;
}

for (const document of globSync(['*.md', 'docs/**/*.md', 'test/*.md'], { cwd: ROOT })) {
  for (const file of namedFiles(document)) {
    if (!existsSync(join(ROOT, file))) fail(`${document} names ${file}, which does not exist`);
  }
}

const generated = {
  'README.md': withBlocks('README.md', { api: apiOverview() }),
  'docs/api.md': withBlocks('docs/api.md', { api: apiReference(), problems: problemTable() }),
  'docs/settings.md': withBlocks('docs/settings.md', { settings: settingsTable() }),
  '.env.example': envExample(),
};

for (const [file, text] of Object.entries(generated)) {
  if (read(file) === text) continue;
  if (process.argv.includes('--write')) {
    writeFileSync(join(ROOT, file), text);
    process.stdout.write(`wrote ${file}\n`);
  } else {
    fail(`${file} does not match the code: run "npm run docs"`);
  }
}
